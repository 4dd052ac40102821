/**
 * An adaptive limit's gate for each key (a dependency, a shard), shared by the limits for fibers and for promises.
 *
 * A key that is in use has a gate. When nothing of it runs or waits, only what was learnt is kept, four numbers, and
 * of at most `maxKeys` keys; what was not used lately goes first, and such a key begins anew.
 */
import type { AdaptiveLimit } from "../kernel/concurrency/AdaptiveLimit.ts"
import * as BoundedMap from "../kernel/resilience/BoundedMap.ts"
import { AdaptiveGate, type AdaptiveLimitOptions, type AdaptiveLimitStats } from "./AdaptiveGate.ts"
import type { Alarm } from "./Alarm.ts"

export interface KeyedAdaptiveLimitOptions extends Omit<AdaptiveLimitOptions, "learnt" | "onLimit"> {
  /** Of how many keys that are not in use it remembers what was learnt. Default 1,000. */
  readonly maxKeys?: number
  /** Called when the limit of a key has changed. */
  readonly onLimit?: (limit: number, key: string) => void
}

export interface KeyedAdaptiveLimitStats {
  /** Keys in use, and keys that are not but are remembered. */
  readonly keys: number
  readonly remembered: number
  readonly running: number
  readonly waiting: number
}

export class AdaptiveGates {
  private readonly gates = new Map<string, AdaptiveGate>()
  private readonly learnt: BoundedMap.BoundedMap<string, AdaptiveLimit | undefined>
  private readonly options: KeyedAdaptiveLimitOptions
  private readonly alarm: Alarm

  constructor(options: KeyedAdaptiveLimitOptions, alarm: Alarm) {
    this.options = options
    this.alarm = alarm
    this.learnt = BoundedMap.make(options.maxKeys ?? 1_000)
  }

  /** To be entered at once, before anything else happens: a gate that is not in use is forgotten. */
  get(key: string): AdaptiveGate {
    const known = this.gates.get(key)
    if (known !== undefined) return known
    const made = this.make(key)
    this.gates.set(key, made)
    return made
  }

  stats(): KeyedAdaptiveLimitStats {
    let running = 0
    let waiting = 0
    for (const { gate } of this.gates.values()) {
      const stats = gate.stats()
      running += stats.running
      waiting += stats.waiting
    }
    let remembered = 0
    for (const [key, { value }] of this.learnt.entries) if (value !== undefined && !this.gates.has(key)) remembered++
    return { keys: this.gates.size, remembered, running, waiting }
  }

  /** Of a key that is not in use: where it would begin. */
  statsOf(key: string): AdaptiveLimitStats {
    return (this.gates.get(key) ?? this.make(key)).stats()
  }

  private make(key: string): AdaptiveGate {
    const { maxKeys: _, onLimit, ...options } = this.options
    const learnt = BoundedMap.get(this.learnt, key)
    const made: AdaptiveGate = new AdaptiveGate(
      {
        ...options,
        name: `${options.name}/${key}`,
        ...(onLimit === undefined ? {} : { onLimit: (limit: number) => onLimit(limit, key) }),
        ...(learnt === undefined ? {} : { learnt }),
      },
      this.alarm,
      () => {
        if (this.gates.get(key) !== made) return
        this.gates.delete(key)
        BoundedMap.set(this.learnt, key, made.learnt)
      },
    )
    return made
  }
}
