/** The newest reading of each stream that has changed since the last live frame. */
import type { Bundle, SensorKind } from "@paceline/core/wire"

/** What a screen shows. All kinds travel in chunks whatever is here. */
export const standardLiveKinds: ReadonlyArray<SensorKind.SensorKind> = ["heartRate", "power", "cadence", "speed"]

export class LiveReadings {
  readonly #kinds: ReadonlySet<SensorKind.SensorKind>
  #newest = new Map<string, Bundle.Block>()
  #sensedAtMs = 0

  constructor(kinds: ReadonlyArray<SensorKind.SensorKind>) {
    this.#kinds = new Set(kinds)
  }

  /** Notes a reading that arrived at `sensedAtMs`, wall clock. True when it is the first since the last `take`. */
  add(sensor: string, kind: SensorKind.SensorKind, atMillis: number, value: number, sensedAtMs: number): boolean {
    if (!this.#kinds.has(kind)) return false
    const first = this.#newest.size === 0
    this.#newest.set(`${kind} ${sensor}`, { sensor, kind, atMillis: [atMillis], values: [value] })
    this.#sensedAtMs = sensedAtMs
    return first
  }

  /** What is new, or null when nothing is. The next call gives only what came after this one. */
  take(): { readonly bundle: Bundle.Bundle; readonly sensedAtMs: number } | null {
    if (this.#newest.size === 0) return null
    const bundle = [...this.#newest.values()]
    this.#newest = new Map()
    return { bundle, sensedAtMs: this.#sensedAtMs }
  }
}
