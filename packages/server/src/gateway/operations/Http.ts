/** The operations group of the API: the log, its consumer groups and their dead letters, for the admin. */
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import type { AggregateStore, UnitOfWork } from "@paceline/core/consistency"
import { type DeadLetterView, NotFound, orUnavailable, PacelineApi, requireAdmin } from "@paceline/core/contract"
import { DeadLetters, type EventLog } from "@paceline/core/messaging"
import { Effect } from "effect"
import type { Health } from "../../observability/Health.ts"
import * as Groups from "./Groups.ts"
import * as LogReading from "./LogReading.ts"
import * as Schedules from "./Schedules.ts"

const LETTERS_A_PAGE = 100

type Needs = AggregateStore.AggregateStore | EventLog.EventLog | Health | Schedules.Schedules | UnitOfWork

const viewOf = ({ appendedAtMs, deadAtMs, failedAtMs, ...letter }: DeadLetters.DeadLetter): DeadLetterView => ({
  ...letter,
  appendedAtMs: Math.round(appendedAtMs),
  failedAtMs: Math.round(failedAtMs),
  deadAtMs: Math.round(deadAtMs),
})

const orNotFound = <A, E, R>(effect: Effect.Effect<A, E | DeadLetters.NoSuchLetter, R>) =>
  Effect.catchIf(
    effect,
    (error): error is DeadLetters.NoSuchLetter => error instanceof DeadLetters.NoSuchLetter,
    ({ id, message }) => new NotFound({ what: "dead letter", id, message: `${message}.` }),
  )

const noted = (message: string, of: DeadLetters.GroupOf, letters: string | number) =>
  Effect.logInfo(message).pipe(Effect.annotateLogs({ ...of, letters }))

/** Drops what the group has now, a page at a time. */
const dropAll = Effect.fnUntraced(function* (of: DeadLetters.GroupOf) {
  let dropped = 0
  let after: string | undefined
  for (;;) {
    const page = yield* DeadLetters.list(of, { ...(after === undefined ? {} : { after }), limit: LETTERS_A_PAGE })
    for (const { id } of page) {
      // One that another person settled meanwhile is not counted.
      const done = yield* DeadLetters.drop(of, id).pipe(
        Effect.as(1),
        Effect.catchTag("NoSuchLetter", () => Effect.succeed(0)),
      )
      dropped += done
    }
    after = page.at(-1)?.id
    if (page.length < LETTERS_A_PAGE) return dropped
  }
})

export const layer = HttpApiBuilder.group(PacelineApi, "operations", (handlers) =>
  Effect.map(Effect.context<Needs>(), (context) => {
    /** Only for the admin, and with what the store cannot do said as the API says it. */
    const admin = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
      effect.pipe(orUnavailable, requireAdmin, Effect.provide(context))
    return handlers
      .handle("topics", () => admin(LogReading.topics))
      .handle("records", ({ path, urlParams }) => admin(LogReading.page(path.topic, urlParams)))
      .handle("groups", () => admin(Groups.list))
      .handle("seek", ({ path, payload }) => admin(Groups.seek(path.group, path.topic, payload)))
      .handle("forget", ({ path }) => admin(Groups.forget(path.group, path.topic)))
      .handle("schedules", () => admin(Schedules.list))
      .handle("deadLetterCounts", () =>
        admin(Effect.map(DeadLetters.groups, (groups) => groups.filter(({ letters }) => letters > 0))),
      )
      .handle("deadLetters", ({ path, urlParams: { after, limit = LETTERS_A_PAGE } }) =>
        admin(
          Effect.map(DeadLetters.list(path, { ...(after === undefined ? {} : { after }), limit }), (letters) =>
            letters.map(viewOf),
          ),
        ),
      )
      .handle("deadLetter", ({ path }) => admin(orNotFound(Effect.map(DeadLetters.show(path, path.letterId), viewOf))))
      .handle("replay", ({ path: { group, letterId, topic } }) =>
        admin(
          orNotFound(DeadLetters.replay({ group, topic }, letterId)).pipe(
            Effect.zipRight(noted("A dead letter was replayed.", { group, topic }, letterId)),
            Effect.as({ replayed: 1 }),
          ),
        ),
      )
      .handle("replayAll", ({ path: { group, topic } }) =>
        admin(
          DeadLetters.replayAll({ group, topic }).pipe(
            Effect.tap((replayed) => noted("Dead letters were replayed.", { group, topic }, replayed)),
            Effect.map((replayed) => ({ replayed })),
          ),
        ),
      )
      .handle("drop", ({ path: { group, letterId, topic } }) =>
        admin(
          orNotFound(DeadLetters.drop({ group, topic }, letterId)).pipe(
            Effect.zipRight(noted("A dead letter was dropped.", { group, topic }, letterId)),
            Effect.as({ dropped: 1 }),
          ),
        ),
      )
      .handle("dropAll", ({ path: { group, topic } }) =>
        admin(
          dropAll({ group, topic }).pipe(
            Effect.tap((dropped) => noted("Dead letters were dropped.", { group, topic }, dropped)),
            Effect.map((dropped) => ({ dropped })),
          ),
        ),
      )
  }),
)
