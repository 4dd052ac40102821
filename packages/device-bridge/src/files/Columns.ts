/** Streams that grow record by record, each kind a column. */
import { SensorKind } from "@paceline/core/wire"
import type { CustomStream } from "./Activity.ts"
import { inOrder, type Stream } from "./Recording.ts"

interface Column {
  readonly atMillis: Array<number>
  readonly values: Array<number>
}

export class Columns {
  readonly #kinds = new Map<SensorKind.SensorKind, Column>()
  readonly #custom = new Map<string, Column & { readonly name: string; readonly unit: string }>()

  /** Adds a value as it is. What is no finite number was not measured; what has no time in whole milliseconds, never. */
  add(kind: SensorKind.SensorKind, atMs: number, value: number | undefined): void {
    if (value === undefined || !Number.isFinite(value) || !Number.isSafeInteger(atMs)) return
    let column = this.#kinds.get(kind)
    if (column === undefined) {
      column = { atMillis: [], values: [] }
      this.#kinds.set(kind, column)
    }
    column.atMillis.push(atMs)
    // A zero has no sign in a file.
    column.values.push(value + 0)
  }

  /** Adds a value at the resolution of its kind, which undoes the rounding of arithmetic on counts of it. */
  addCount(kind: SensorKind.SensorKind, atMs: number, value: number | undefined): void {
    if (value === undefined) return
    const [numerator, denominator] = SensorKind.SENSOR_KINDS[kind].resolution
    this.add(kind, atMs, (Math.round((value * denominator) / numerator) * numerator) / denominator)
  }

  addCustom(name: string, unit: string, atMs: number, value: number | undefined): void {
    if (value === undefined || !Number.isFinite(value) || !Number.isSafeInteger(atMs)) return
    let column = this.#custom.get(name)
    if (column === undefined) {
      column = { name, unit, atMillis: [], values: [] }
      this.#custom.set(name, column)
    }
    column.atMillis.push(atMs)
    column.values.push(value + 0)
  }

  /** In the order of the kinds' table. */
  streams(): Array<Stream> {
    return SensorKind.ALL_KINDS.flatMap((kind) => {
      const column = this.#kinds.get(kind)
      return column === undefined ? [] : [{ kind, ...column }]
    })
  }

  custom(): Array<CustomStream> {
    return [...this.#custom.values()].map(inOrder)
  }
}
