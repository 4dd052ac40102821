/**
 * The wall: everyone who trains, as large as the screen allows, and the leaderboard. Made for a television at six
 * metres; on a phone it scrolls.
 */
import type { ClassView } from "@paceline/client-sdk"
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks"
import { ConnectionState } from "../parts/ConnectionState.tsx"
import { PacelineMark } from "../parts/Icons.tsx"
import { Leaderboard } from "../parts/Leaderboard.tsx"
import { type LiveClass, useLiveClass } from "../parts/LiveClass.ts"
import { TileCard } from "../parts/TileCard.tsx"
import { ZoneLegend } from "../parts/ZoneLegend.tsx"
import { ClassClock } from "./ClassClock.tsx"
import { gridFor } from "./TileGrid.ts"
import { ordered, type TileOrder } from "./TileOrder.ts"
import { Tools } from "./Tools.tsx"

const GAP_PX = 10

/** As many as stand on a television; a phone shows them below the tiles. */
const BOARD_ROWS = 10

export const Wall = ({ classId, order }: { readonly classId: string; readonly order: TileOrder }) => {
  const live = useLiveClass(classId)
  useEffect(() => {
    document.title = `${className(classId)} · Paceline`
  }, [classId])
  return (
    <div class="wall" data-state={live.state}>
      <header class="wall-bar">
        <p class="wall-brand">
          <PacelineMark />
          <span>paceline</span>
        </p>
        <h1 class="wall-class">{className(classId)}</h1>
        {(live.state === "live" || live.tiles.length > 0) && <Head tiles={live.tiles} />}
        <ConnectionState state={live.state} lastHeardAtMs={live.lastHeardAtMs} />
        <Tools />
        <ClassClock classId={classId} />
      </header>
      <main class="wall-main" aria-label="Athletes">
        {live.problem !== null && (
          <p class="wall-problem" role="alert">
            {live.problem.code === "unknown-channel" ? `There is no class "${classId}".` : live.problem.message}
          </p>
        )}
        {live.tiles.length === 0 ? <Empty live={live} classId={classId} /> : <Tiles live={live} order={order} />}
      </main>
      <aside class="wall-side">
        <Leaderboard standings={live.leaderboard} rows={BOARD_ROWS} isKnown={live.state === "live"} />
        <ZoneLegend />
      </aside>
    </div>
  )
}

/** An id as a name: `early-birds` is read as `Early birds`. */
const className = (classId: string): string => {
  const words = classId.replaceAll(/[-_]+/g, " ").trim()
  return words.charAt(0).toUpperCase() + words.slice(1)
}

const Head = ({ tiles }: Pick<ClassView, "tiles">) => {
  const finished = tiles.filter(({ contact }) => contact === "finished").length
  const training = tiles.length - finished
  return (
    <p class="wall-count">
      <b>{training}</b> training
      {finished > 0 && (
        <>
          {" "}
          <b>{finished}</b> finished
        </>
      )}
    </p>
  )
}

/** The same width as in wall.css: below it the page scrolls. */
const phone = matchMedia("(max-width: 820px)")

const Tiles = ({ live, order }: { readonly live: LiveClass; readonly order: TileOrder }) => {
  const list = useRef<HTMLUListElement>(null)
  const [room, setRoom] = useState<{ width: number; height: number | null }>({ width: 0, height: 0 })
  useLayoutEffect(() => {
    const box = list.current?.parentElement
    if (box === null || box === undefined) return
    const measure = () => setRoom({ width: box.clientWidth, height: phone.matches ? null : box.clientHeight })
    measure()
    const observer = new ResizeObserver(measure)
    observer.observe(box)
    return () => observer.disconnect()
  }, [])
  const grid = gridFor({ count: live.tiles.length, gap: GAP_PX, ...room })
  return (
    <ul
      ref={list}
      class="wall-tiles"
      data-scrolls={grid.scrolls}
      style={{
        gap: `${GAP_PX}px`,
        gridTemplateColumns: `repeat(${grid.columns}, ${grid.tileWidth}px)`,
        gridAutoRows: `${grid.tileHeight}px`,
      }}
    >
      {room.width > 0 &&
        ordered(live.tiles, order).map((tile) => (
          <li key={tile.athleteId}>
            <TileCard tile={tile} silentSinceMs={live.silence.get(tile.athleteId)?.sinceMs ?? null} />
          </li>
        ))}
    </ul>
  )
}

const Empty = ({ live, classId }: { readonly live: LiveClass; readonly classId: string }) => (
  <div class="wall-empty">
    <p class="wall-empty-title">{emptyTitle(live)}</p>
    {live.state === "live" && (
      <>
        <p>Pair a strap with an athlete of this class, and the first tile appears with the first heartbeat:</p>
        <pre>
          <code>paceline device pair DEVICE strap-01 ATHLETE --class {classId}</code>
        </pre>
        <p>
          <a href="/">How to connect a bridge</a>
        </p>
      </>
    )}
  </div>
)

const emptyTitle = ({ state, problem }: LiveClass): string => {
  if (state === "live") return "Nobody is training yet"
  if (state === "lost") return "The server does not answer"
  return problem === null ? "Connecting to the server" : "Nothing to show"
}
