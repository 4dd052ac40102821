/**
 * Delivers the messages of a thread after all that they depend on: nobody sees an answer before its question.
 *
 * Each message names those it was written after. One whose causes have all been delivered is delivered, with all that
 * waited for it, in an order that keeps every dependency; one that came too early is held back. What is held back is
 * bounded: past the bound a message is refused, to be sent again when what is missing has come. What was delivered is
 * the caller's to know (its table of messages, say), so the state stays as small as the disorder is.
 *
 * The state is plain JSON data.
 *
 * @example
 * CausalOrder.offer(state, { id: "answer", after: ["question"], message }, nowMs, (id) => delivered.has(id))
 */

export interface CausalMessage<A> {
  readonly id: string
  /** The ids that it was written after. Those that it knows through these need not be named. */
  readonly after: ReadonlyArray<string>
  readonly message: A
}

export interface Held<A> extends CausalMessage<A> {
  /** What it still waits for. */
  readonly missing: ReadonlyArray<string>
  readonly sinceMs: number
}

export interface CausalOrder<A> {
  /** The most that is held back. */
  readonly capacity: number
  /** In the order in which they came. */
  readonly held: ReadonlyArray<Held<A>>
}

export const CAPACITY = 1000

export const make = <A>(capacity: number = CAPACITY): CausalOrder<A> => ({ capacity, held: [] })

export type Offered<A> =
  /** To be delivered now, in this order: the message, and what waited for it. */
  | { readonly _tag: "Deliver"; readonly state: CausalOrder<A>; readonly messages: ReadonlyArray<CausalMessage<A>> }
  | { readonly _tag: "Hold"; readonly state: CausalOrder<A>; readonly missing: ReadonlyArray<string> }
  /** Delivered or held back already. */
  | { readonly _tag: "Duplicate"; readonly state: CausalOrder<A> }
  /** Too much is held back already: fetch what is missing first. */
  | { readonly _tag: "Full"; readonly state: CausalOrder<A>; readonly missing: ReadonlyArray<string> }

export const offer = <A>(
  state: CausalOrder<A>,
  message: CausalMessage<A>,
  nowMs: number,
  isDelivered: (id: string) => boolean,
): Offered<A> => {
  if (isDelivered(message.id) || state.held.some(({ id }) => id === message.id)) return { _tag: "Duplicate", state }
  const missing = [...new Set(message.after)].filter((id) => !isDelivered(id))
  if (missing.length === 0) {
    const { held, released } = release(state.held, message.id)
    return { _tag: "Deliver", state: { ...state, held }, messages: [message, ...released] }
  }
  if (state.held.length >= state.capacity) return { _tag: "Full", state, missing: missingOf(state) }
  return { _tag: "Hold", state: { ...state, held: [...state.held, { ...message, missing, sinceMs: nowMs }] }, missing }
}

/** What is awaited and has not come: to be asked for. Not what is itself held back. */
export const missingOf = <A>(state: CausalOrder<A>): ReadonlyArray<string> => {
  const here = new Set(state.held.map(({ id }) => id))
  return [...new Set(state.held.flatMap(({ missing }) => missing))].filter((id) => !here.has(id))
}

/**
 * Gives up on what has been missing for too long: takes out what was held back before `beforeMs`. A caller may deliver
 * it marked as out of context, or drop it; what depends on it waits on, unless it is offered again.
 */
export const expire = <A>(
  state: CausalOrder<A>,
  beforeMs: number,
): { readonly state: CausalOrder<A>; readonly expired: ReadonlyArray<Held<A>> } => ({
  state: { ...state, held: state.held.filter(({ sinceMs }) => sinceMs >= beforeMs) },
  expired: state.held.filter(({ sinceMs }) => sinceMs < beforeMs),
})

/** What a delivery sets free, and what that sets free in turn: breadth first, so causes come before effects. */
const release = <A>(held: ReadonlyArray<Held<A>>, delivered: string) => {
  if (held.length === 0) return { held, released: [] }
  const waiting = new Map(held.map((each) => [each.id, new Set(each.missing)]))
  const byId = new Map(held.map((each) => [each.id, each]))
  const waitingFor = new Map<string, Array<string>>()
  for (const { id, missing } of held) {
    for (const cause of missing) {
      const ids = waitingFor.get(cause)
      if (ids === undefined) waitingFor.set(cause, [id])
      else ids.push(id)
    }
  }
  const released: Array<CausalMessage<A>> = []
  const queue = [delivered]
  for (let cause = queue.shift(); cause !== undefined; cause = queue.shift()) {
    for (const id of waitingFor.get(cause) ?? []) {
      const left = waiting.get(id)
      const each = byId.get(id)
      if (left === undefined || each === undefined || !left.delete(cause) || left.size > 0) continue
      waiting.delete(id)
      released.push({ id, after: each.after, message: each.message })
      queue.push(id)
    }
  }
  const stillHeld = held.flatMap((each) => {
    const missing = waiting.get(each.id)
    if (missing === undefined) return []
    return missing.size === each.missing.length ? [each] : [{ ...each, missing: [...missing] }]
  })
  return { held: stillHeld, released }
}
