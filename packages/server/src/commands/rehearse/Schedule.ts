/**
 * What goes wrong in a rehearsal, and when: decided beforehand from a seed, so that a run can be repeated.
 *
 * For a third of the time the network between bridge and server is away, the bridge dies twice and the server
 * once. Cuts are spread over the run and never overlap; kills fall where they fall, also into a cut. One cut is a
 * black hole, and finds a connection that stands.
 *
 * @example
 * Schedule.make({ seed: 7, seconds: 20 }).cuts // four cuts, one of them a black hole, 6.7 s together
 */
import { PCGRandom } from "effect/Utils"

/**
 * - `closed`: connections are reset, and new ones refused.
 * - `stalled`: bytes wait on the way, and arrive late, when the network is back.
 * - `black-hole`: connections stay open and never say anything again; new ones work when the network is back.
 */
export type CutKind = "closed" | "stalled" | "black-hole"

/** Times are milliseconds from the first sample on. */
interface Cut {
  readonly kind: CutKind
  readonly fromMillis: number
  readonly untilMillis: number
}

export type Victim = "bridge" | "server"

/** The victim is killed with SIGKILL and started again on the same data folder `downMillis` later. */
interface Kill {
  readonly victim: Victim
  readonly atMillis: number
  readonly downMillis: number
}

export interface Schedule {
  readonly cuts: ReadonlyArray<Cut>
  readonly kills: ReadonlyArray<Kill>
}

/** Shorter runs have no room for three cuts and three kills. */
export const MIN_SECONDS = 6

/** The share of the time that the network is away. */
const CUT_SHARE = 1 / 3

/** Cuts fall into this part of the run: some quiet seconds at the start, and samples after the last cut. */
const CUTS_FROM = 0.12
const CUTS_UNTIL = 0.92

/** When each kill comes, as shares of the run. The last leaves time for a restart before the straps end. */
const KILLS: ReadonlyArray<{ readonly victim: Victim; readonly earliest: number; readonly latest: number }> = [
  { victim: "bridge", earliest: 0.2, latest: 0.38 },
  { victim: "server", earliest: 0.42, latest: 0.6 },
  { victim: "bridge", earliest: 0.64, latest: 0.82 },
]

/**
 * So long before the black hole, as a share of the run, nothing may go wrong: a black hole that finds no
 * connection swallows nothing.
 */
const QUIET = 0.1

export const make = (options: { readonly seed: number; readonly seconds: number }): Schedule => {
  const random = new PCGRandom(options.seed)
  const millis = options.seconds * 1000
  for (;;) {
    const spans = drawSpans(Math.max(3, Math.round(options.seconds / 5)), millis, random)
    const kills = drawKills(millis, random)
    const quiet = spans.map((span, i) => quietBefore(span, spans[i - 1], kills))
    const swallows = quiet.indexOf(Math.max(...quiet))
    if ((quiet[swallows] ?? 0) < millis * QUIET) continue
    const others = drawKinds(spans.length - 1, random)
    const kinds = others.toSpliced(swallows, 0, "black-hole")
    return { cuts: spans.map((span, i) => ({ ...span, kind: kinds[i] ?? "closed" })), kills }
  }
}

type Span = Omit<Cut, "kind">

const between = (random: PCGRandom, low: number, high: number): number => low + random.number() * (high - low)

/** One cut in each of `count` equal slots, a third of the time together. */
const drawSpans = (count: number, millis: number, random: PCGRandom): ReadonlyArray<Span> => {
  // At most 1.4 / 0.6 of the mean, so that every cut fits into its slot whatever the others are.
  const weights = Array.from({ length: count }, () => between(random, 0.6, 1.4))
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  const slot = (millis * (CUTS_UNTIL - CUTS_FROM)) / count
  return weights.map((weight, i) => {
    const length = (millis * CUT_SHARE * weight) / total
    const fromMillis = Math.round(millis * CUTS_FROM + slot * i + between(random, 0, slot - length))
    return { fromMillis, untilMillis: fromMillis + Math.round(length) }
  })
}

const drawKills = (millis: number, random: PCGRandom): ReadonlyArray<Kill> =>
  KILLS.map(({ victim, earliest, latest }) => ({
    victim,
    atMillis: Math.round(millis * between(random, earliest, latest)),
    downMillis: Math.round(between(random, 50, 500)),
  }))

/** How long nothing went wrong before this cut, in milliseconds. */
const quietBefore = ({ fromMillis }: Span, cutBefore: Span | undefined, kills: ReadonlyArray<Kill>): number => {
  const ends = kills.filter((kill) => kill.atMillis < fromMillis).map((kill) => kill.atMillis + kill.downMillis)
  return fromMillis - Math.max(0, cutBefore?.untilMillis ?? 0, ...ends)
}

/** At least one of both kinds. A black hole costs the bridge its silence limit, so there is one and no more. */
const drawKinds = (count: number, random: PCGRandom): ReadonlyArray<CutKind> => {
  const kinds = Array.from({ length: count }, (): CutKind => (random.integer(2) === 0 ? "closed" : "stalled"))
  if (new Set(kinds).size > 1) return kinds
  return kinds.with(random.integer(count), kinds[0] === "closed" ? "stalled" : "closed")
}

export type Moment =
  | { readonly _tag: "Cut"; readonly atMillis: number; readonly kind: CutKind }
  | { readonly _tag: "Restore"; readonly atMillis: number }
  | { readonly _tag: "Kill"; readonly atMillis: number; readonly victim: Victim; readonly downMillis: number }

/** The same, as a list of what to do next, in the order of time. */
export const moments = (schedule: Schedule): ReadonlyArray<Moment> =>
  [
    ...schedule.cuts.flatMap(
      (cut): ReadonlyArray<Moment> => [
        { _tag: "Cut", atMillis: cut.fromMillis, kind: cut.kind },
        { _tag: "Restore", atMillis: cut.untilMillis },
      ],
    ),
    ...schedule.kills.map((kill): Moment => ({ _tag: "Kill", ...kill })),
  ].sort((a, b) => a.atMillis - b.atMillis)

/** How long the network is away, in milliseconds. */
export const cutMillis = (schedule: Schedule): number =>
  schedule.cuts.reduce((sum, cut) => sum + cut.untilMillis - cut.fromMillis, 0)
