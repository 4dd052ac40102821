/**
 * One athlete as a tile. Its boxes are fixed and scale with the tile, so that nothing moves when numbers change; and
 * it is drawn again only when its own tile changed.
 */
import type { Tile } from "@paceline/client-sdk"
import { Component } from "preact"
import { clockFace } from "./ClockFace.ts"
import { FinishedIcon, LockIcon, NoSignalIcon, WeakSignalIcon } from "./Icons.tsx"
import { useSeconds } from "./Seconds.ts"
import { aliasFit, lookOf, type TileLook } from "./TileLook.ts"
import { ZoneBars } from "./ZoneBars.tsx"

export interface TileCardProps {
  readonly tile: Tile
  /** Since when the reading has not changed, in milliseconds since the epoch on this screen's clock. */
  readonly silentSinceMs: number | null
}

export class TileCard extends Component<TileCardProps> {
  override shouldComponentUpdate(next: TileCardProps): boolean {
    return next.tile !== this.props.tile || next.silentSinceMs !== this.props.silentSinceMs
  }

  override render({ tile, silentSinceMs }: TileCardProps) {
    const look = lookOf(tile)
    return (
      <article class="tile" data-look={look} data-zone={look === "zone" || look === "stale" ? tile.zone : undefined}>
        <Alias alias={tile.alias} />
        <Mark look={look} zone={tile.zone} />
        <Figure look={look} tile={tile} silentSinceMs={silentSinceMs} />
        <p class="tile-note">{noteOf(look, tile)}</p>
        {look !== "private" && look !== "finished" && <Points className="tile-points" points={tile.effortPoints} />}
        <ZoneBars lit={look === "zone" || look === "stale" ? tile.zone : null} />
      </article>
    )
  }
}

const Alias = ({ alias }: { readonly alias: string }) => {
  const { letters, lines } = aliasFit(alias)
  return (
    <h2 class="tile-alias" style={{ "--letters": letters, "--lines": lines }}>
      <span>{alias}</span>
    </h2>
  )
}

const Mark = ({ look, zone }: { readonly look: TileLook; readonly zone: Tile["zone"] }) => {
  switch (look) {
    case "zone":
      return (
        <p class="tile-mark tile-zone">
          <span class="visually-hidden">zone </span>
          {zone}
        </p>
      )
    case "stale":
      return (
        <p class="tile-mark">
          <WeakSignalIcon />
          <span class="visually-hidden">weak signal, the reading is some seconds old</span>
        </p>
      )
    case "lost":
    case "waiting":
      return (
        <p class="tile-mark">
          <NoSignalIcon />
        </p>
      )
    case "private":
      return (
        <p class="tile-mark">
          <LockIcon />
        </p>
      )
    case "finished":
      return (
        <p class="tile-mark">
          <FinishedIcon />
        </p>
      )
  }
}

interface FigureProps extends TileCardProps {
  readonly look: TileLook
}

/** The one big number: the heart rate where it may be shown, else what is worth knowing instead. */
const Figure = ({ look, tile, silentSinceMs }: FigureProps) => {
  switch (look) {
    case "zone":
    case "stale":
      return (
        <p class="tile-figure">
          {tile.heartRateBpm}
          <span class="visually-hidden"> beats a minute</span>
        </p>
      )
    case "lost":
      return (
        <p class="tile-figure tile-time">
          <Elapsed sinceMs={silentSinceMs} />
        </p>
      )
    case "waiting":
      return (
        <p class="tile-figure" aria-hidden="true">
          –
        </p>
      )
    case "private":
    case "finished":
      return <Points className="tile-figure" points={tile.effortPoints} />
  }
}

const Elapsed = ({ sinceMs }: { readonly sinceMs: number | null }) => {
  const now = useSeconds(sinceMs !== null)
  return <>{sinceMs === null ? "–" : clockFace(now - sinceMs)}</>
}

const noteOf = (look: TileLook, tile: Tile): string => {
  switch (look) {
    case "zone":
    case "stale":
      return `${tile.percentOfMax ?? "–"}%`
    case "lost":
      return "No signal"
    case "waiting":
      return "Waiting"
    case "private":
      return "Private"
    case "finished":
      return "Finished"
  }
}

const Points = ({ className, points }: { readonly className: string; readonly points: number }) => (
  <p class={className}>
    {points}
    <span class="tile-unit">{points === 1 ? "pt" : "pts"}</span>
  </p>
)
