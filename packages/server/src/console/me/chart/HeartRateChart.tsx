/**
 * The heart rate of an activity: the mean as a line, the least and greatest as a band, zones behind, holes left open.
 *
 * A finger, a mouse or the arrow keys read the value at a time; a screen reader is told it, and has the summary. It is drawn
 * in the pixels that there are, so that letters have the same size on a phone and on a desk.
 */
import type { RefObject } from "preact"
import { useEffect, useMemo, useRef, useState } from "preact/hooks"
import { clockFace, timeOfDay } from "../../parts/ClockFace.ts"
import { summaryOf } from "../ActivityWords.ts"
import { zoneStarts } from "../ProfileForm.ts"
import { bandPath, dotPath, type Frame, meanPath, type Ranges, type Scales, scales, zoneBands } from "./Paths.ts"
import { bpmRange, bpmTicks, timeLabel, timeTicks } from "./Ticks.ts"
import { extremesOf, folded, holesOf, nearest, type Trace, type TracePoint } from "./Trace.ts"

interface HeartRateChartProps {
  readonly trace: Trace
  readonly fromMs: number
  readonly toMs: number
  readonly maxHeartRateBpm: number
}

/** Each point has so many pixels: less would only blacken the band. */
const PIXELS_A_POINT = 2

export const HeartRateChart = ({ fromMs, maxHeartRateBpm, toMs, trace }: HeartRateChartProps) => {
  const box = useRef<HTMLDivElement>(null)
  const width = useWidth(box)
  const all = useMemo(() => extremesOf(trace), [trace])
  const holes = useMemo(() => holesOf(trace), [trace])
  if (all === null) return <p class="chart-none">No heart rate is stored of this time.</p>
  return (
    <figure class="chart">
      <div ref={box}>
        {width > 0 && (
          <Picture
            trace={trace}
            all={all}
            fromMs={fromMs}
            toMs={toMs}
            maxHeartRateBpm={maxHeartRateBpm}
            width={width}
          />
        )}
      </div>
      <figcaption>{summaryOf(all, holes, toMs - fromMs)}</figcaption>
    </figure>
  )
}

interface PictureProps extends HeartRateChartProps {
  readonly all: TracePoint
  readonly width: number
}

const Picture = ({ all, fromMs, maxHeartRateBpm, toMs, trace, width }: PictureProps) => {
  const height = width < 480 ? 220 : 280
  const frame: Frame = { left: 38, top: 8, width: Math.max(1, width - 38 - 22), height: height - 8 - 28 }
  const drawn = useMemo(() => folded(trace, frame.width / PIXELS_A_POINT), [trace, frame.width])
  const points = useMemo(() => drawn.flat(), [drawn])
  const [lowBpm, highBpm] = bpmRange(all.min, all.max)
  const ranges: Ranges = {
    fromMs: Math.min(fromMs, points[0]?.atMs ?? fromMs),
    toMs: Math.max(toMs, points.at(-1)?.atMs ?? toMs),
    lowBpm,
    highBpm,
  }
  const scale = scales(frame, ranges)
  const starts = zoneStarts(maxHeartRateBpm)
  const [read, setRead] = useState<number | null>(null)
  const point = read === null ? undefined : points[Math.min(read, points.length - 1)]
  const zone = point === undefined ? 0 : starts.filter((start) => point.mean >= start).length
  const words = point === undefined ? "" : readingOf(point, fromMs, zone)

  const follow = (event: PointerEvent & { readonly currentTarget: Element }) => {
    const { left } = event.currentTarget.getBoundingClientRect()
    setRead(nearest(points, scale.timeAt(event.clientX - left)))
  }
  const press = (event: KeyboardEvent) => {
    const next = afterKey(event.key, read, points.length)
    if (next === undefined) return
    event.preventDefault()
    setRead(next)
  }

  return (
    <>
      <p class="chart-reading" data-zone={zone} aria-hidden="true">
        {point === undefined ? "Point at the curve or use arrow keys to read it." : <b>{words}</b>}
      </p>
      <div
        class="chart-picture"
        role="slider"
        tabIndex={0}
        aria-label="Heart rate over time"
        aria-valuemin={0}
        aria-valuemax={Math.round((toMs - fromMs) / 1000)}
        aria-valuenow={point === undefined ? 0 : Math.round((point.atMs - fromMs) / 1000)}
        aria-valuetext={point === undefined ? "Nothing is read yet" : words}
        onKeyDown={press}
        onPointerDown={follow}
        onPointerMove={follow}
        onPointerLeave={(event) => event.pointerType === "mouse" && setRead(null)}
      >
        <svg width={width} height={height} viewBox={`0 0 ${width} ${height}`} aria-hidden="true">
          <Zones starts={starts} ranges={ranges} frame={frame} scale={scale} />
          <Axes ranges={ranges} frame={frame} scale={scale} fromMs={fromMs} />
          <path class="chart-band" d={bandPath(drawn, scale)} />
          <path class="chart-mean" d={meanPath(drawn, scale)} />
          <path class="chart-mean chart-dots" d={dotPath(drawn, scale)} />
          {point !== undefined && <Crosshair point={point} frame={frame} scale={scale} />}
        </svg>
      </div>
    </>
  )
}

/** Such as `142 bpm (138–147), zone 3 · 12:34 in · 18:46`. */
const readingOf = (point: TracePoint, fromMs: number, zone: number): string => {
  const [min, mean, max] = [point.min, point.mean, point.max].map(Math.round)
  const range = min === max ? "" : ` (${min}–${max})`
  const inZone = zone === 0 ? "" : `, zone ${zone}`
  return `${mean} bpm${range}${inZone} · ${clockFace(point.atMs - fromMs)} in · ${timeOfDay(point.atMs)}`
}

/** Where a key leads: null is nowhere, undefined says that the key means nothing here. */
const afterKey = (key: string, read: number | null, count: number): number | null | undefined => {
  const page = Math.max(1, Math.round(count / 10))
  const by = (step: number) => Math.min(count - 1, Math.max(0, read === null ? 0 : read + step))
  switch (key) {
    case "ArrowRight":
    case "ArrowUp":
      return by(1)
    case "ArrowLeft":
    case "ArrowDown":
      return by(-1)
    case "PageUp":
      return by(page)
    case "PageDown":
      return by(-page)
    case "Home":
      return 0
    case "End":
      return count - 1
    case "Escape":
      return null
  }
  return undefined
}

interface PartProps {
  readonly frame: Frame
  readonly scale: Scales
}

interface ZonesProps extends PartProps {
  readonly starts: ReadonlyArray<number>
  readonly ranges: Ranges
}

const Zones = ({ frame, ranges, scale, starts }: ZonesProps) => (
  <>
    {zoneBands(starts, ranges, scale.y).map(({ height, top, zone }) => (
      <g key={zone} class="chart-zone" data-zone={zone}>
        <rect x={frame.left} y={top} width={frame.width} height={height} />
        <rect class="chart-zone-edge" x={frame.left + frame.width} y={top} width={18} height={height} />
        {height >= 13 && (
          <text x={frame.left + frame.width + 9} y={top + height / 2} text-anchor="middle" dominant-baseline="central">
            {zone}
          </text>
        )}
      </g>
    ))}
  </>
)

interface AxesProps extends PartProps {
  readonly ranges: Ranges
  readonly fromMs: number
}

/** So much room a mark needs, in pixels. */
const TIME_MARK = 60
const BPM_MARK = 28

const Axes = ({ frame, fromMs, ranges, scale }: AxesProps) => {
  const { height, left, top, width } = frame
  const duration = ranges.toMs - fromMs
  const right = left + width
  return (
    <g class="chart-axes">
      <line x1={left} x2={right} y1={top + height} y2={top + height} />
      {bpmTicks(ranges.lowBpm, ranges.highBpm, Math.floor(height / BPM_MARK)).map((bpm) => (
        <g key={bpm}>
          <line x1={left} x2={right} y1={scale.y(bpm)} y2={scale.y(bpm)} />
          <text x={left - 6} y={scale.y(bpm)} text-anchor="end" dominant-baseline="central">
            {bpm}
          </text>
        </g>
      ))}
      {timeTicks(duration, Math.max(2, Math.floor(width / TIME_MARK))).map((tick) => {
        const x = scale.x(fromMs + tick)
        return (
          <g key={tick}>
            <line x1={x} x2={x} y1={top + height} y2={top + height + 5} />
            <text x={x} y={top + height + 19} text-anchor={tick === 0 ? "start" : x > right - 20 ? "end" : "middle"}>
              {timeLabel(tick, duration)}
            </text>
          </g>
        )
      })}
    </g>
  )
}

const Crosshair = ({ frame, point, scale }: PartProps & { readonly point: TracePoint }) => {
  const x = scale.x(point.atMs)
  return (
    <g class="chart-crosshair">
      <line x1={x} x2={x} y1={frame.top} y2={frame.top + frame.height} />
      <circle cx={x} cy={scale.y(point.mean)} r={5} />
    </g>
  )
}

/** How wide the element is, in whole pixels; 0 before it is on the page. */
const useWidth = (element: RefObject<HTMLElement | null>): number => {
  const [width, setWidth] = useState(0)
  useEffect(() => {
    const { current } = element
    if (current === null) return
    const measure = () => setWidth(Math.floor(current.getBoundingClientRect().width))
    measure()
    const observer = new ResizeObserver(measure)
    observer.observe(current)
    return () => observer.disconnect()
  }, [element])
  return width
}
