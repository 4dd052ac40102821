/** How a request lifecycle is declared, and what the types see to: a state is final, or it has a timer. */
import { Duration, type Schema } from "effect"
import type * as Kernel from "../kernel/workflow/RequestLifecycle.ts"

/** What a transition may know besides data and message. */
export interface TransitionContext {
  readonly id: string
  readonly state: string
  /** Milliseconds since the epoch. */
  readonly nowMs: number
}

/** What a transition changes. */
export interface Change<D, Ev> {
  /** As it was if not given. */
  readonly data?: D
  /** Events or commands, appended in the same unit of work. */
  readonly effects?: ReadonlyArray<Ev>
}

/** It makes no sense after all: logged, and nothing is changed. */
export interface Ignore {
  readonly ignore: string
}

/** Leads to one state. */
export interface Move<S, D, Ev, M> {
  readonly to: S
  readonly decide?: (data: D, message: M, context: TransitionContext) => Change<D, Ev> | Ignore
}

/** Leads to one of several: `decide` says which. */
export interface Choice<S, D, Ev, M> {
  readonly oneOf: ReadonlyArray<S>
  readonly decide: (data: D, message: M, context: TransitionContext) => (Change<D, Ev> & { readonly to: S }) | Ignore
}

export interface Final {
  readonly final: true
}

/** Waits for messages, and not for ever. */
export interface Waiting<S extends string, D, Ev, M> {
  readonly timer: {
    readonly after: Duration.DurationInput
    readonly to: S
    readonly decide?: (data: D, context: TransitionContext) => Change<D, Ev>
  }
  readonly on?: { readonly [K in keyof M]?: Move<S, D, Ev, M[K]> | Choice<S, D, Ev, M[K]> }
  /** Where cancelling from outside leads; it is not allowed here if not given. */
  readonly cancel?: {
    readonly to: S
    readonly decide?: (data: D, reason: string, context: TransitionContext) => Change<D, Ev>
  }
}

export type State<S extends string, D, Ev, M> = Final | Waiting<S, D, Ev, M>

/** The messages by name, as their schemas decode them. */
export type Messages<MS> = { readonly [K in keyof MS]: MS[K] extends Schema.Schema<infer A, infer _I> ? A : never }

export type MessageSchemas = Readonly<Record<string, Schema.Schema.AnyNoContext>>

type AnyStates = Readonly<
  Record<
    string,
    | Final
    | {
        readonly timer: { readonly after: Duration.DurationInput; readonly to: string }
        readonly on?: object
        readonly cancel?: { readonly to: string }
      }
  >
>

/** The machine, without what its transitions do. */
export const machineOf = (initial: string, states: AnyStates): Kernel.Machine => ({
  initial,
  states: Object.fromEntries(
    Object.entries(states).map(([name, state]): [string, Kernel.StateSpec] => [
      name,
      "final" in state
        ? {}
        : {
            timer: { afterMillis: Duration.toMillis(state.timer.after), to: state.timer.to },
            on: Object.fromEntries(
              Object.entries(state.on ?? {}).map(([message, move]): [string, ReadonlyArray<string>] => [
                message,
                targetsOf(move),
              ]),
            ),
            cancel: state.cancel?.to,
          },
    ]),
  ),
})

const targetsOf = (move: unknown): ReadonlyArray<string> => {
  const to: unknown = Reflect.get(Object(move), "to")
  if (typeof to === "string") return [to]
  const oneOf: unknown = Reflect.get(Object(move), "oneOf")
  return Array.isArray(oneOf) ? oneOf.filter((one) => typeof one === "string") : []
}
