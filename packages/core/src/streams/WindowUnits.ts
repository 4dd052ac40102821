/**
 * What one unit of work does for a windowed stream: a batch of events, or a tick when nothing comes.
 *
 * A batch takes its shard's gate, loads the marks and the keys that it names, asks the kernel (`Windows`), writes the
 * keys that changed, then claims those that the watermark has made due and lets them speak. Whatever is emitted, and
 * whatever came too late, is handed over in the same unit. Each key remembers how far the watermark was when it was last
 * looked at, so keys may speak a few at a time, over several units, and still say everything once and in order.
 */
import { type Array as Arr, Clock, type Context, Effect, Schema } from "effect"
import type { AggregateStore } from "../consistency/AggregateStore.ts"
import type { StorageError, Transaction } from "../consistency/UnitOfWork.ts"
import * as Watermark from "../kernel/streams/Watermark.ts"
import type { WindowEvent } from "../kernel/streams/WindowPane.ts"
import * as Windows from "../kernel/streams/Windows.ts"
import type { Delivered } from "../messaging/ConsumerOptions.ts"
import type { EventLog } from "../messaging/EventLog.ts"
import * as Emissions from "./Emissions.ts"
import { KeyStates, type LoadedKey } from "./KeyStates.ts"
import { PartitionMarks, type Source } from "./PartitionMarks.ts"
import { attempt, type EventUnusable } from "./StreamErrors.ts"
import { type Held, StreamGate } from "./StreamGate.ts"
import * as Kinds from "./StreamKinds.ts"
import { type Placing, windowEvent } from "./WindowEvents.ts"

/** What a stream does, once its options are read. */
export interface Stream<Ev, W, WI, E, R> extends Placing<Ev> {
  readonly state: Schema.Schema<W, WI>
  readonly kernel: Windows.WindowOptions<Ev, W>
  readonly updates: Emissions.Updates
  readonly onEmit: (emissions: Arr.NonEmptyReadonlyArray<Windows.Emission<W>>) => Effect.Effect<unknown, E, R>
  readonly onLate: (events: Arr.NonEmptyReadonlyArray<Windows.SideEvent<Ev>>) => Effect.Effect<unknown, E, R>
}

type KeyPanes<W> = Windows.WindowState<W>["keys"][number]

/** A key as it is stored. */
interface KeyState<W> {
  readonly panes: KeyPanes<W>["panes"]
  readonly finalEndMillis: number | null
  /** Where the watermark was when the key was last looked at. */
  readonly watermarkMillis: number | null
}

const keyState = <W, WI>(value: Schema.Schema<W, WI>) =>
  Schema.Struct({
    panes: Schema.Array(Schema.Struct({ startMillis: Schema.Number, endMillis: Schema.Number, value })),
    finalEndMillis: Schema.NullOr(Schema.Number),
    watermarkMillis: Schema.NullOr(Schema.Number),
  })

const Gate = Schema.Struct({ reachedMillis: Schema.NullOr(Schema.Number) })
type Gate = typeof Gate.Type

/** So many keys at most speak in one unit, besides those of its batch, so that none takes too long. */
const MOST_SPEAKING = 500

/** Where nothing is known yet: before all time. */
const at = (millis: number | null): number => millis ?? Number.NEGATIVE_INFINITY

export class WindowUnits<Ev, W, WI, E, R> {
  readonly #stream: Stream<Ev, W, WI, E, R>
  readonly #keys
  readonly #marks: PartitionMarks
  readonly #gates

  constructor(
    stream: Stream<Ev, W, WI, E, R>,
    store: Context.Tag.Service<typeof AggregateStore>,
    log: Context.Tag.Service<typeof EventLog>,
    source: Source,
  ) {
    this.#stream = stream
    this.#keys = new KeyStates(store, Kinds.keys(stream.name), keyState(stream.state))
    this.#marks = new PartitionMarks(store, log, Kinds.marks(stream.name), source)
    this.#gates = new StreamGate(store, Kinds.gates(stream.name), Gate, { reachedMillis: null })
  }

  /** Takes events of one partition. Answers whether more keys are due than spoke. */
  batch(
    delivered: ReadonlyArray<Delivered<Ev>>,
  ): Effect.Effect<boolean, E | StorageError | EventUnusable, R | Transaction> {
    return Effect.gen(this, function* () {
      const [first] = delivered
      if (first === undefined) return false
      const { partition } = first.record
      const { name } = this.#stream
      const nowMillis = yield* Clock.currentTimeMillis
      const events = yield* attempt(name, () => delivered.map((each) => windowEvent(this.#stream, each, nowMillis)))
      const gate = yield* this.#gates.lock(this.#stream.shardOf(partition))
      const marks = yield* this.#marks.load(nowMillis, partition)
      const loaded = yield* this.#keys.loadAll(events.map(({ key }) => key))
      const { emitted, side, state } = yield* attempt(name, () =>
        this.#step(events, loaded, gate.state, marks.partitions),
      )
      yield* this.#writeAll(gate.shard, loaded, state, emitted)
      yield* this.#marks.write(partition, marks, state.watermark.partitions)
      const mayGoOn = yield* this.#speak(gate, state.watermark.millis, emitted)
      const [late, ...others] = side
      if (late !== undefined) yield* this.#stream.onLate([late, ...others])
      return mayGoOn
    })
  }

  /** Lets keys of a shard speak that time alone has made due. Answers whether more of them are due. */
  tick(shard: number): Effect.Effect<boolean, E | StorageError, R | Transaction> {
    return Effect.gen(this, function* () {
      const nowMillis = yield* Clock.currentTimeMillis
      const gate = yield* this.#gates.lock(shard)
      const { partitions } = yield* this.#marks.load(nowMillis)
      return yield* this.#speak(gate, this.#watermark(partitions, gate.state, nowMillis).millis, [])
    })
  }

  /** The shards in which time alone may have made a key due; a look at what is committed. */
  get dueShards(): Effect.Effect<ReadonlyArray<number>, StorageError> {
    return Effect.gen(this, function* () {
      const dueMillis = yield* this.#keys.nextDueAtMillis
      if (dueMillis === null) return []
      return (yield* this.watermarks)
        .filter(({ watermarkMillis }) => dueMillis <= at(watermarkMillis))
        .map(({ shard }) => shard)
    })
  }

  /** Where the watermark of each shard stands at this moment. */
  get watermarks(): Effect.Effect<
    ReadonlyArray<{ readonly shard: number; readonly watermarkMillis: number | null }>,
    StorageError
  > {
    return Effect.gen(this, function* () {
      const nowMillis = yield* Clock.currentTimeMillis
      const { partitions } = yield* this.#marks.load(nowMillis)
      return (yield* this.#gates.all).map(({ shard, state }) => ({
        shard,
        watermarkMillis: this.#watermark(partitions, state, nowMillis).millis,
      }))
    })
  }

  #watermark(partitions: ReadonlyArray<Watermark.PartitionMark>, { reachedMillis }: Gate, nowMillis: number) {
    const { watermark } = this.#stream.kernel
    return Watermark.advance({ partitions, millis: reachedMillis }, nowMillis, watermark)
  }

  #step(
    events: ReadonlyArray<WindowEvent<Ev>>,
    loaded: ReadonlyArray<LoadedKey<KeyState<W>>>,
    { reachedMillis }: Gate,
    partitions: ReadonlyArray<Watermark.PartitionMark>,
  ): Windows.WindowStep<Ev, W> {
    const emitted: Array<Windows.Emission<W>> = []
    const keys: Array<KeyPanes<W>> = []
    let dueMillis: number | null = null
    for (const { dueAtMs, id, state } of loaded) {
      if (state === undefined) continue
      const before: KeyPanes<W> = { key: id, panes: state.panes, finalEndMillis: state.finalEndMillis }
      if (dueAtMs === null || dueAtMs > at(reachedMillis)) {
        keys.push(before)
        if (dueAtMs !== null) dueMillis = Math.min(dueMillis ?? dueAtMs, dueAtMs)
        continue
      }
      // It has not spoken yet, because too many were due at once: it does so before it takes more.
      const caughtUp = this.#moved(before, state.watermarkMillis, reachedMillis)
      emitted.push(...caughtUp.emitted)
      keys.push(...caughtUp.state.keys)
      if (caughtUp.state.dueMillis !== null) dueMillis = Math.min(dueMillis ?? Infinity, caughtUp.state.dueMillis)
    }
    const before = { watermark: { partitions, millis: reachedMillis }, keys, dueMillis }
    const step = Windows.step(before, events, this.#stream.kernel)
    return emitted.length === 0 ? step : { ...step, emitted: [...emitted, ...step.emitted] }
  }

  /** One key alone, when the watermark moves. */
  #moved(key: KeyPanes<W>, fromMillis: number | null, toMillis: number | null): Windows.WindowStep<Ev, W> {
    // Due before all time: the kernel looks at it whether it is due or not, and says when it is.
    const before = { watermark: { partitions: [], millis: fromMillis }, keys: [key], dueMillis: -Infinity }
    return Windows.withWatermark(before, { partitions: [], millis: toMillis }, this.#stream.kernel)
  }

  #writeAll(
    shard: number,
    loaded: ReadonlyArray<LoadedKey<KeyState<W>>>,
    state: Windows.WindowState<W>,
    emitted: ReadonlyArray<Windows.Emission<W>>,
  ) {
    const after = new Map(state.keys.map((key) => [key.key, key]))
    const spoke = new Set(emitted.map(({ key }) => key))
    return Effect.forEach(
      loaded,
      (before) => {
        const key = after.get(before.id)
        const next = key === undefined ? undefined : this.#next(key, state.watermark.millis)
        // Only what came too late for it: nothing to write.
        const isSame = next !== undefined && next.dueAtMs === before.dueAtMs && !spoke.has(before.id)
        return isSame ? Effect.void : this.#keys.write(shard, before, next)
      },
      { discard: true },
    )
  }

  #next({ finalEndMillis, key, panes }: KeyPanes<W>, watermarkMillis: number | null) {
    const { state } = this.#moved({ finalEndMillis, key, panes }, watermarkMillis, watermarkMillis)
    return { state: { panes, finalEndMillis, watermarkMillis }, dueAtMs: state.dueMillis }
  }

  /** Claims keys that the watermark has made due, keeps the watermark, and hands over all that was emitted. */
  #speak(
    gate: Held<Gate>,
    watermarkMillis: number | null,
    emitted: ReadonlyArray<Windows.Emission<W>>,
  ): Effect.Effect<boolean, E | StorageError, R | Transaction> {
    return Effect.gen(this, function* () {
      const all = [...emitted]
      let claimed = 0
      if (watermarkMillis !== null) {
        const due = yield* this.#keys.claim(gate.shard, watermarkMillis, MOST_SPEAKING)
        claimed = due.length
        for (const before of due) {
          if (before.state === undefined) continue
          const { finalEndMillis, panes, watermarkMillis: fromMillis } = before.state
          const spoken = this.#moved({ key: before.id, panes, finalEndMillis }, fromMillis, watermarkMillis)
          const [left] = spoken.state.keys
          yield* this.#keys.write(gate.shard, before, left && this.#next(left, watermarkMillis))
          all.push(...spoken.emitted)
        }
        if (watermarkMillis !== gate.state.reachedMillis) {
          yield* this.#gates.keep(gate, { reachedMillis: watermarkMillis })
        }
      }
      const [first, ...others] = Emissions.told(all, this.#stream.updates)
      if (first !== undefined) yield* this.#stream.onEmit([first, ...others])
      return claimed === MOST_SPEAKING
    })
  }
}
