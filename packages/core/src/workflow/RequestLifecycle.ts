/**
 * Requests that go through declared states, and end: each state is final, or it waits and has a timer.
 *
 * - A state without a timer is refused by the types, and timers that lead in a circle by `make`: every request ends.
 * - State, data and effects (events, commands) change in one unit of work. A timer that races a message loses or wins:
 *   exactly one of them leads out of the state, and the other is looked at in the next.
 * - A message that makes no sense is logged, noted in the request's history, and changes nothing else. A final state
 *   never changes; what is finished is archived.
 * - The id is the remote one, if there is one: creating it twice gives the same request.
 *
 * `diagram` prints a lifecycle for people, as Mermaid and as a table.
 *
 * @example
 * const Registration = RequestLifecycle.make({
 *   name: "registration",
 *   data: Schema.Struct({ athlete: Schema.String }),
 *   messages: { Paid: Schema.Struct({ cents: Schema.Int }) },
 *   append: (events: ReadonlyArray<RegistrationEvent>, id) => EventLog.append(Registrations, events.map(…)),
 *   initial: "awaiting payment",
 *   states: {
 *     "awaiting payment": {
 *       timer: { after: "15 minutes", to: "expired" },
 *       on: { Paid: { to: "confirmed", decide: (data) => ({ effects: [new Confirmed({ athlete: data.athlete })] }) } },
 *       cancel: { to: "cancelled" },
 *     },
 *     confirmed: { final: true },
 *     expired: { final: true },
 *     cancelled: { final: true },
 *   },
 * })
 * yield* Registration.work() // runs the timers
 * yield* Registration.create("remote-7", { athlete: "anna" })
 * yield* Registration.send("remote-7", "Paid", { cents: 900 }) // { _tag: "Moved", from: "awaiting payment", to: "confirmed" }
 */
import { Effect, Schema } from "effect"
import type { StorageError, Transaction } from "../consistency/UnitOfWork.ts"
import * as LifecycleDiagram from "../kernel/workflow/LifecycleDiagram.ts"
import * as Kernel from "../kernel/workflow/RequestLifecycle.ts"
import { type MessageSchemas, type Messages, machineOf, type State } from "./RequestLifecycleMachine.ts"
import * as Requests from "./RequestLifecycleRequests.ts"

export type {
  Change,
  Choice,
  Final,
  Ignore,
  Move,
  State,
  TransitionContext,
  Waiting,
} from "./RequestLifecycleMachine.ts"
export { type Lifecycle, NoSuchRequest, type Sent, type View, type WorkOptions } from "./RequestLifecycleRequests.ts"

export interface LifecycleOptions<S extends string, D, DI, Ev, MS extends MessageSchemas, R> {
  /** Names it in the store and in logs. */
  readonly name: string
  readonly data: Schema.Schema<D, DI>
  readonly messages: MS
  readonly initial: NoInfer<S>
  readonly states: { readonly [K in S]: State<NoInfer<S>, D, Ev, Messages<MS>> }
  /** Appends the effects of a transition in its unit of work. */
  readonly append?: (effects: ReadonlyArray<Ev>, id: string) => Effect.Effect<unknown, StorageError, R | Transaction>
  /** What a new request brings about. */
  readonly onCreate?: (data: D, id: string) => ReadonlyArray<Ev>
  /** How long a finished request can still be looked up, and its id is taken. 30 days if not given. */
  readonly keepForMillis?: number
}

const KEEP_FOR_MILLIS = 30 * 86_400_000

/** Throws when the machine has a state that leads nowhere, or timers that never end. */
export const make = <S extends string, D, DI, Ev = never, MS extends MessageSchemas = MessageSchemas, R = never>(
  options: LifecycleOptions<S, D, DI, Ev, MS, R>,
): Requests.Lifecycle<S, D, Messages<MS>, R> => {
  const { name, initial, states } = options
  const machine = machineOf(initial, states)
  const problems = Kernel.problems(machine)
  if (problems.length > 0) throw new Error(`The lifecycle "${name}" cannot be: ${problems.join("; ")}`)
  const checks = new Map(
    Object.entries(options.messages).map(([message, schema]) => [message, Schema.validateEither(schema)]),
  )
  return Requests.make<S, D, Ev, Messages<MS>, R>({
    check: (message, payload) => Effect.suspend(() => checks.get(message)?.(payload) ?? Effect.void).pipe(Effect.orDie),
    name,
    machine,
    states,
    isState: (state): state is S => Object.hasOwn(states, state),
    encode: Schema.encodeSync(options.data),
    decode: Schema.decodeUnknown(options.data),
    append: options.append ?? (() => Effect.void),
    onCreate: options.onCreate ?? (() => []),
    keepForMillis: options.keepForMillis ?? KEEP_FOR_MILLIS,
  })
}

/** For people: a Mermaid `stateDiagram-v2`, and the same as a Markdown table. */
export const diagram = ({
  machine,
}: {
  readonly machine: Kernel.Machine
}): { readonly mermaid: string; readonly table: string } => ({
  mermaid: LifecycleDiagram.mermaid(machine),
  table: LifecycleDiagram.table(machine),
})
