/**
 * A request's way through a declared state machine: which state it enters, when its timer ends that, and when it is over.
 *
 * A state is final, or it waits and has a timer that leads on. `problems` finds machines whose timers do not reach a
 * final state, so every request ends even if nothing but time passes. What does not make sense changes nothing.
 *
 * @example
 * const machine = { initial: "asked", states: { asked: { afterMillis: 60_000, to: "expired", on: {} }, expired: {} } }
 * RequestLifecycle.problems(machine) // []
 * RequestLifecycle.enter(machine, "asked", now) // { state: "asked", timerAtMs: now + 60_000, … }
 */

export interface Machine {
  readonly initial: string
  readonly states: Readonly<Record<string, StateSpec>>
}

/** Without a timer it is final. */
export interface StateSpec {
  readonly timer?: { readonly afterMillis: number; readonly to: string } | undefined
  /** Where each message may lead. */
  readonly on?: Readonly<Record<string, ReadonlyArray<string>>> | undefined
  /** Where cancelling from outside leads; not allowed if not given. */
  readonly cancel?: string | undefined
}

/** What a request is moved by: a message's name, its timer, or who cancels it. */
export type Trigger =
  | { readonly _tag: "Message"; readonly name: string }
  | { readonly _tag: "Timer" }
  | { readonly _tag: "Cancel" }

export interface Position {
  readonly state: string
  /** When it was entered, milliseconds since the epoch. */
  readonly sinceMs: number
  /** When its timer ends it; null in a final state. */
  readonly timerAtMs: number | null
}

export const enter = (machine: Machine, state: string, nowMs: number): Position => {
  const timer = machine.states[state]?.timer
  return { state, sinceMs: nowMs, timerAtMs: timer === undefined ? null : nowMs + timer.afterMillis }
}

export const isFinal = (machine: Machine, state: string): boolean => machine.states[state]?.timer === undefined

/** Where this may lead from here; none when it makes no sense. A timer leads on only when its time has come. */
export const targets = (
  machine: Machine,
  { state, timerAtMs }: Position,
  trigger: Trigger,
  nowMs: number,
): ReadonlyArray<string> => {
  const spec = machine.states[state]
  if (spec?.timer === undefined) return []
  if (trigger._tag === "Timer") return timerAtMs !== null && timerAtMs <= nowMs ? [spec.timer.to] : []
  if (trigger._tag === "Cancel") return spec.cancel === undefined ? [] : [spec.cancel]
  return spec.on !== undefined && Object.hasOwn(spec.on, trigger.name) ? (spec.on[trigger.name] ?? []) : []
}

/** All that is wrong with a machine, in words; nothing if every request in it ends. */
export const problems = (machine: Machine): ReadonlyArray<string> => {
  const names = Object.keys(machine.states)
  const known = new Set(names)
  const found: Array<string> = []
  const check = (from: string, to: string): void => {
    if (!known.has(to)) found.push(`"${from}" leads to "${to}", which is no state`)
  }
  check("the beginning", machine.initial)
  for (const name of names) {
    const { cancel, on = {}, timer } = machine.states[name] ?? {}
    if (timer === undefined) continue
    check(name, timer.to)
    if (cancel !== undefined) check(name, cancel)
    for (const to of Object.values(on).flat()) check(name, to)
    if (!(timer.afterMillis >= 0 && Number.isFinite(timer.afterMillis))) {
      found.push(`the timer of "${name}" never ends: ${timer.afterMillis} ms`)
    }
    const way = timerWay(machine, name)
    if (way !== undefined) found.push(`timers alone never end a request: ${way.map((one) => `"${one}"`).join(" → ")}`)
  }
  return found
}

/** Where timers lead in a circle from `from`; undefined when they end, or leave the machine. */
const timerWay = (machine: Machine, from: string): ReadonlyArray<string> | undefined => {
  const way = [from]
  let at = from
  while (true) {
    const to = machine.states[at]?.timer?.to
    if (to === undefined) return undefined
    if (way.includes(to)) return to === from ? [...way, to] : undefined
    way.push(to)
    at = to
  }
}
