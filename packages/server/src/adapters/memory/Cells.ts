/**
 * A map that units of work change: inside the unit its changes show at once, to all others when they are kept.
 *
 * While a unit runs, the values from before it are kept beside; so undoing is putting them back, and who is not in the
 * unit reads them.
 */
import type { MemoryUnit, View } from "./UnitOfWork.ts"

export class Cells<V> {
  readonly #now = new Map<string, V>()
  /** Of the keys that the running unit changed: what they were; undefined: not there. */
  readonly #before = new Map<string, V | undefined>()

  get(key: string, view: View): V | undefined {
    return view === "committed" && this.#before.has(key) ? this.#before.get(key) : this.#now.get(key)
  }

  /** All of them; not to be kept. */
  all(view: View): ReadonlyMap<string, V> {
    if (view === "unit" || this.#before.size === 0) return this.#now
    const committed = new Map(this.#now)
    for (const [key, value] of this.#before) put(committed, key, value)
    return committed
  }

  /** Sets the value, or takes it away when it is undefined. `onUndone` is called with what came back. */
  set(unit: MemoryUnit, key: string, value: V | undefined, onUndone?: (value: V | undefined) => void): void {
    const before = this.#now.get(key)
    if (this.#before.size === 0) unit.onEnd(() => this.#before.clear())
    if (!this.#before.has(key)) this.#before.set(key, before)
    unit.onRollback(() => {
      put(this.#now, key, before)
      onUndone?.(before)
    })
    put(this.#now, key, value)
  }

  /** Takes a value away for good, with no way back. */
  dropIf(key: string, condition: (value: V) => boolean): void {
    const value = this.#now.get(key)
    if (value !== undefined && condition(value)) this.#now.delete(key)
  }
}

const put = <V>(map: Map<string, V>, key: string, value: V | undefined): void => {
  if (value === undefined) map.delete(key)
  else map.set(key, value)
}
