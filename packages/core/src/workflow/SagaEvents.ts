/**
 * What others may want to hear of a saga. With `Saga.make({ events: SagaEvents.toLog, … })` each is appended to the
 * topic `sagas` in the unit of work in which it happens, under the saga's key.
 */
import { type Effect, Schema } from "effect"
import type { StorageError, Transaction } from "../consistency/UnitOfWork.ts"
import type { Reason, SagaState } from "../kernel/workflow/SagaState.ts"
import { isOver } from "../kernel/workflow/SagaState.ts"
import * as EventLog from "../messaging/EventLog.ts"

const about = { saga: Schema.String, id: Schema.String }

export class SagaStarted extends Schema.TaggedClass<SagaStarted>("paceline/SagaStarted")("SagaStarted", about) {}

export class SagaCompleted extends Schema.TaggedClass<SagaCompleted>("paceline/SagaCompleted")(
  "SagaCompleted",
  about,
) {}

/** A step was given up, or somebody cancelled: it goes back. */
export class SagaTurnedBack extends Schema.TaggedClass<SagaTurnedBack>("paceline/SagaTurnedBack")("SagaTurnedBack", {
  ...about,
  why: Schema.String,
}) {}

/** All that had happened is undone. */
export class SagaCompensated extends Schema.TaggedClass<SagaCompensated>("paceline/SagaCompensated")(
  "SagaCompensated",
  about,
) {}

/** An alert: it waits for a person. */
export class SagaParked extends Schema.TaggedClass<SagaParked>("paceline/SagaParked")("SagaParked", {
  ...about,
  message: Schema.String,
}) {}

/** A person ended it by hand. */
export class SagaSettled extends Schema.TaggedClass<SagaSettled>("paceline/SagaSettled")("SagaSettled", about) {}

export const SagaEvent = Schema.Union(
  SagaStarted,
  SagaCompleted,
  SagaTurnedBack,
  SagaCompensated,
  SagaParked,
  SagaSettled,
)
export type SagaEvent = typeof SagaEvent.Type

export const Sagas = EventLog.topic("sagas", SagaEvent)

/** Appends it to the topic `sagas`. */
export const toLog = (event: SagaEvent): Effect.Effect<unknown, StorageError, Transaction | EventLog.EventLog> =>
  EventLog.append(Sagas, [{ key: `${event.saga}/${event.id}`, event }])

/** What a change of state tells, in the order in which it happened. */
export const between = (before: SagaState | undefined, after: SagaState): ReadonlyArray<SagaEvent["_tag"]> => {
  const tags: Array<SagaEvent["_tag"]> = []
  if (before === undefined) tags.push("SagaStarted")
  if (after.reason !== null && (before?.reason ?? null) === null) tags.push("SagaTurnedBack")
  if (after.parked !== null && (before?.parked ?? null) === null) tags.push("SagaParked")
  if (isOver(after) && (before === undefined || !isOver(before))) {
    if (after.phase === "completed") tags.push("SagaCompleted")
    else if (after.phase === "compensated") tags.push("SagaCompensated")
    else tags.push("SagaSettled")
  }
  return tags
}

/** With what `after` says of it. */
export const eventOf = (tag: SagaEvent["_tag"], saga: string, id: string, after: SagaState): SagaEvent => {
  switch (tag) {
    case "SagaStarted":
      return new SagaStarted({ saga, id })
    case "SagaTurnedBack":
      return new SagaTurnedBack({ saga, id, why: whyOf(after.reason) })
    case "SagaParked":
      return new SagaParked({ saga, id, message: after.parked?.message ?? "" })
    case "SagaCompleted":
      return new SagaCompleted({ saga, id })
    case "SagaCompensated":
      return new SagaCompensated({ saga, id })
    case "SagaSettled":
      return new SagaSettled({ saga, id })
  }
}

const whyOf = (reason: Reason | null): string =>
  reason === null ? "" : reason._tag === "Cancelled" ? reason.why : `"${reason.step}": ${reason.error}`
