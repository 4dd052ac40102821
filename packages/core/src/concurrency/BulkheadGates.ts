/**
 * A bulkhead's gate for each key, made when it is first used and kept only while something of it runs or waits.
 * Shared by the bulkheads for fibers and for promises.
 */
import type { Alarm } from "./Alarm.ts"
import { BulkheadGate, type BulkheadOptions } from "./BulkheadGate.ts"

export interface KeyedBulkheadStats {
  readonly keys: number
  readonly running: number
  readonly waiting: number
}

export class BulkheadGates<K extends string | number> {
  private readonly gates = new Map<K, BulkheadGate>()
  private readonly options: BulkheadOptions
  private readonly alarm: Alarm

  constructor(options: BulkheadOptions, alarm: Alarm) {
    this.options = options
    this.alarm = alarm
  }

  /** To be entered at once, before anything else happens: a gate that is not in use is forgotten. */
  get(key: K): BulkheadGate {
    const known = this.gates.get(key)
    if (known !== undefined) return known
    const options = { ...this.options, name: `${this.options.name}/${key}` }
    const made: BulkheadGate = new BulkheadGate(options, this.alarm, () => {
      if (this.gates.get(key) === made) this.gates.delete(key)
    })
    this.gates.set(key, made)
    return made
  }

  stats(): KeyedBulkheadStats {
    let running = 0
    let waiting = 0
    for (const gate of this.gates.values()) {
      const stats = gate.stats()
      running += stats.running
      waiting += stats.waiting
    }
    return { keys: this.gates.size, running, waiting }
  }
}
