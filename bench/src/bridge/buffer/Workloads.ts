/** What a device records in an hour, in the order in which its sensors say it, cut into flushes of five seconds. */
import type { Bundle } from "@paceline/core/wire"
import * as Signals from "../codec/Signals.ts"

export interface Sample {
  readonly sensor: string
  readonly kind: Bundle.KindBlock["kind"]
  readonly atMillis: number
  readonly value: number
}

export interface Workload {
  /** Samples of each flush, ordered by their times. */
  readonly flushes: ReadonlyArray<ReadonlyArray<Sample>>
  /** Measurements, where a position or an acceleration counts as one. */
  readonly samples: number
}

const FLUSH_SECONDS = 5

const workload = (signals: ReadonlyArray<Signals.Signal>, athletes: number): Workload => ({
  flushes: Signals.flushes(signals, FLUSH_SECONDS).map((flush) =>
    Array.from({ length: athletes }, (_, athlete) => samplesIn(flush, athlete)).flat(),
  ),
  samples: Signals.samplesOf(signals) * athletes,
})

const samplesIn = (flush: ReadonlyArray<Signals.Signal>, athlete: number): ReadonlyArray<Sample> =>
  flush
    .flatMap(({ atMillis, columns, sensor }) =>
      columns.flatMap(({ kind, values }) =>
        values.map((value, i) => ({
          sensor: athlete === 0 ? sensor : `${sensor}-${athlete}`,
          kind,
          // Two athletes never tick at the same millisecond.
          atMillis: (atMillis[i] ?? 0) + 7 * athlete,
          value,
        })),
      ),
    )
    .sort((one, other) => one.atMillis - other.atMillis)

export const WORKLOADS = {
  ride: () => workload(Signals.mixedRide, 1),
  accelerometer: () => workload(Signals.mixedWithAcceleration, 1),
  gateway: () => workload(Signals.mixedRide, 20),
} as const

export type WorkloadName = keyof typeof WORKLOADS

export const isWorkload = (name: string): name is WorkloadName => Object.hasOwn(WORKLOADS, name)
