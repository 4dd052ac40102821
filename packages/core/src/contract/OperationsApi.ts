/**
 * The operations group of the API: what the log holds, how far each consumer group is, its dead letters, and the few
 * things that a person may do about them. For the admin key only; `paceline log` and `paceline dead-letters` stand on it.
 */
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import * as OpenApi from "@effect/platform/OpenApi"
import { Schema } from "effect"
import { Authentication } from "./Access.ts"
import { Forbidden, InvalidRequest, NotFound, Unavailable } from "./Errors.ts"
import { EpochMillis } from "./Events.ts"

const path = {
  group: HttpApiSchema.param("group", Schema.NonEmptyString),
  topic: HttpApiSchema.param("topic", Schema.NonEmptyString),
  letter: HttpApiSchema.param("letterId", Schema.NonEmptyString),
}

// ---------------------------------------------------------------- the log

const Offset = Schema.NonNegativeInt.annotations({
  identifier: "Offset",
  description: "A record's place in its partition: 0 for the first record ever, without gaps.",
})

export const TopicBounds = Schema.Struct({
  topic: Schema.String,
  partitions: Schema.Array(
    Schema.Struct({
      partition: Schema.Int,
      start: Offset.annotations({ description: "The first offset that the log still has." }),
      end: Offset.annotations({ description: "The next offset that the log will give out." }),
    }),
  ),
}).annotations({ identifier: "TopicBounds", description: "A topic of the log, and what it holds." })
export type TopicBounds = typeof TopicBounds.Type

export const LoggedRecord = Schema.Struct({
  partition: Schema.Int,
  offset: Offset,
  key: Schema.String.annotations({ description: "Records with the same key keep their order." }),
  payload: Schema.Unknown.annotations({ description: "The event, as JSON." }),
  id: Schema.NullOr(Schema.String).annotations({ description: "The id it was published under, if it had one." }),
  headers: Schema.Record({ key: Schema.String, value: Schema.String }),
  appendedAtMs: EpochMillis,
}).annotations({ identifier: "LoggedRecord" })
export type LoggedRecord = typeof LoggedRecord.Type

export const LogPage = Schema.Struct({
  records: Schema.Array(LoggedRecord).annotations({
    description: "Each partition in the order of its offsets; several partitions by the time of appending.",
  }),
  next: Schema.String.annotations({ description: "Where this page ended: give it as `from` to read on." }),
  more: Schema.Boolean.annotations({
    description: "Whether there was more at that moment. A page of a key may be empty and have more behind it.",
  }),
}).annotations({ identifier: "LogPage" })
export type LogPage = typeof LogPage.Type

const place =
  "`start`, `end`, an offset such as `1200`, a time such as `2026-11-20T18:00` (the server's time zone unless it names one), or how long ago, such as `30s`, `15m`, `2h`, `7d`"

/** What a page is asked for by. */
export const LogQuery = Schema.Struct({
  from: Schema.optional(
    Schema.String.annotations({
      description: `Where to begin: ${place}, or the \`next\` of another page. Without it the newest records.`,
    }),
  ),
  key: Schema.optional(Schema.String.annotations({ description: "Only records of this key." })),
  limit: Schema.optional(
    Schema.String.annotations({ description: "At most so many, from 1 to 1000. 100 if not given." }).pipe(
      Schema.parseNumber,
      Schema.int(),
      Schema.between(1, 1000, { message: () => "A page has from 1 to 1000." }),
    ),
  ),
})

// ---------------------------------------------------------------- groups

export const GroupPartition = Schema.Struct({
  partition: Schema.Int,
  committed: Offset.annotations({ description: "The next offset that the group will read." }),
  start: Offset,
  end: Offset,
  lag: Schema.Int.annotations({ description: "Records that the group has not moved past." }),
  stalledSeconds: Schema.NullOr(Schema.Int).annotations({
    description: "For how long the group has stood here, if that is too long.",
  }),
}).annotations({ identifier: "GroupPartition" })

export const GroupProgress = Schema.Struct({
  group: Schema.String,
  topic: Schema.String,
  partitions: Schema.Array(GroupPartition),
  stalled: Schema.Boolean.annotations({ description: "It has records to read and does not get on with them." }),
  total: Schema.Int.annotations({ description: "All records ever appended: done, failed, skipped and waiting." }),
  done: Schema.Int,
  failed: Schema.Int.annotations({ description: "Dead letters, and those that were dropped." }),
  skipped: Schema.Int.annotations({ description: "Dropped from the log before the group had read them." }),
  waiting: Schema.Int.annotations({ description: "The lag, and what is parked." }),
  lag: Schema.Int,
  parked: Schema.Int.annotations({ description: "Failed, or behind one of its key that did; tried again by itself." }),
  deadLetters: Schema.Int.annotations({ description: "Given up, and waiting for a person." }),
  percent: Schema.Number.annotations({ description: "Of the total, how much is not waiting." }),
}).annotations({ identifier: "GroupProgress", description: "How far a consumer group is on a topic." })
export type GroupProgress = typeof GroupProgress.Type

export const SeekRequest = Schema.Struct({
  to: Schema.String.annotations({ description: `Where the group goes on: ${place}.` }),
  partition: Schema.optional(
    Schema.NonNegativeInt.annotations({ description: "Only there. Needed with an offset where there are several." }),
  ),
  confirm: Schema.Literal(true).annotations({
    description: "Must be true: what is passed again is handled again, and what is passed over is never handled.",
    message: () => ({
      message: "must be true: records that the group passes again are handled again, those it passes over never",
      override: true,
    }),
  }),
}).annotations({ identifier: "SeekRequest" })

export const Sought = Schema.Struct({ partition: Schema.Int, before: Offset, after: Offset }).annotations({
  identifier: "Sought",
  description: "Where the group stood in a partition, and where it stands now.",
})
export type Sought = typeof Sought.Type

// ---------------------------------------------------------------- dead letters

export const DeadLetterCount = Schema.Struct({
  group: Schema.String,
  topic: Schema.String,
  letters: Schema.Int,
}).annotations({ identifier: "DeadLetterCount" })
export type DeadLetterCount = typeof DeadLetterCount.Type

export const DeadLetterView = Schema.Struct({
  id: Schema.String.annotations({ description: "Names the letter within its group and topic." }),
  group: Schema.String,
  topic: Schema.String,
  partition: Schema.Int,
  offset: Offset,
  key: Schema.String,
  recordId: Schema.NullOr(Schema.String).annotations({ description: "The id the record was published under." }),
  payload: Schema.Unknown,
  headers: Schema.Record({ key: Schema.String, value: Schema.String }),
  appendedAtMs: EpochMillis,
  error: Schema.String.annotations({ description: "What it failed with last." }),
  attempts: Schema.Int,
  failedAtMs: EpochMillis.annotations({ description: "When it failed first." }),
  deadAtMs: EpochMillis.annotations({ description: "When it was given up." }),
}).annotations({ identifier: "DeadLetter", description: "A record that a group could not handle, kept whole." })
export type DeadLetterView = typeof DeadLetterView.Type

const LettersQuery = Schema.Struct({
  after: Schema.optional(Schema.String.annotations({ description: "Only letters after the one with this id." })),
  limit: LogQuery.fields.limit,
})

const Replayed = Schema.Struct({ replayed: Schema.Int }).annotations({ identifier: "Replayed" })
const DroppedLetters = Schema.Struct({ dropped: Schema.Int }).annotations({ identifier: "DroppedLetters" })

// ---------------------------------------------------------------- schedules

export const ScheduledTask = Schema.Struct({
  task: Schema.String,
  when: Schema.NullOr(Schema.String).annotations({ description: "Such as `30 3 * * * Europe/Berlin`." }),
  nextAtMs: Schema.NullOr(EpochMillis),
  lastAtMs: Schema.NullOr(EpochMillis),
  last: Schema.NullOr(Schema.Literal("waiting", "delayed", "running", "done", "cancelled", "dead")).annotations({
    description: "What became of the last run by schedule; `dead` when it was given up.",
  }),
  paused: Schema.Boolean,
  skipped: Schema.Int.annotations({ description: "Missed runs that were passed over." }),
}).annotations({ identifier: "ScheduledTask", description: "What the server does by the clock." })
export type ScheduledTask = typeof ScheduledTask.Type

// ---------------------------------------------------------------- the group of the API

export class OperationsApi extends HttpApiGroup.make("operations")
  .add(
    HttpApiEndpoint.get("topics", "/operations/log")
      .addSuccess(Schema.Array(TopicBounds))
      .annotate(OpenApi.Summary, "The topics of the log, and what each holds"),
  )
  .add(
    HttpApiEndpoint.get("records")`/operations/log/${path.topic}`
      .setUrlParams(LogQuery)
      .addSuccess(LogPage)
      .addError(NotFound)
      .addError(InvalidRequest)
      .annotate(OpenApi.Summary, "Records of a topic, from an offset or a time on, a page at a time"),
  )
  .add(
    HttpApiEndpoint.get("groups", "/operations/groups")
      .addSuccess(Schema.Array(GroupProgress))
      .annotate(OpenApi.Summary, "How far each consumer group is, on each of its topics"),
  )
  .add(
    HttpApiEndpoint.post("seek")`/operations/groups/${path.group}/${path.topic}/seek`
      .setPayload(SeekRequest)
      .addSuccess(Schema.Array(Sought))
      .addError(NotFound)
      .addError(InvalidRequest)
      .annotate(OpenApi.Summary, "Move a group back or forward on a topic"),
  )
  .add(
    HttpApiEndpoint.del("forget")`/operations/groups/${path.group}/${path.topic}`
      .addSuccess(HttpApiSchema.NoContent)
      .addError(NotFound)
      .annotate(
        OpenApi.Summary,
        "Forget a group that nobody runs any more, so that it holds no records and stalls nothing",
      ),
  )
  .add(
    HttpApiEndpoint.get("schedules", "/operations/schedules")
      .addSuccess(Schema.Array(ScheduledTask))
      .annotate(OpenApi.Summary, "What the server does by the clock, such as the daily backup"),
  )
  .add(
    HttpApiEndpoint.get("deadLetterCounts", "/operations/dead-letters")
      .addSuccess(Schema.Array(DeadLetterCount))
      .annotate(OpenApi.Summary, "The groups that have dead letters, and how many"),
  )
  .add(
    HttpApiEndpoint.get("deadLetters")`/operations/dead-letters/${path.group}/${path.topic}`
      .setUrlParams(LettersQuery)
      .addSuccess(Schema.Array(DeadLetterView))
      .annotate(OpenApi.Summary, "A group's dead letters in the order of the log, a page at a time"),
  )
  .add(
    HttpApiEndpoint.get("deadLetter")`/operations/dead-letters/${path.group}/${path.topic}/${path.letter}`
      .addSuccess(DeadLetterView)
      .addError(NotFound)
      .annotate(OpenApi.Summary, "One dead letter"),
  )
  .add(
    HttpApiEndpoint.post("replay")`/operations/dead-letters/${path.group}/${path.topic}/${path.letter}/replay`
      .addSuccess(Replayed)
      .addError(NotFound)
      .annotate(OpenApi.Summary, "Give a letter's record back to its group, to be handled in its key's order"),
  )
  .add(
    HttpApiEndpoint.post("replayAll")`/operations/dead-letters/${path.group}/${path.topic}/replay`
      .addSuccess(Replayed)
      .annotate(OpenApi.Summary, "Give back all letters that the group has now"),
  )
  .add(
    HttpApiEndpoint.del("drop")`/operations/dead-letters/${path.group}/${path.topic}/${path.letter}`
      .addSuccess(DroppedLetters)
      .addError(NotFound)
      .annotate(OpenApi.Summary, "Give a letter up for good; its record stays counted as failed"),
  )
  .add(
    HttpApiEndpoint.del("dropAll")`/operations/dead-letters/${path.group}/${path.topic}`
      .addSuccess(DroppedLetters)
      .annotate(OpenApi.Summary, "Give up all letters that the group has now"),
  )
  .middleware(Authentication)
  .addError(Forbidden)
  .addError(Unavailable)
  .annotate(OpenApi.Title, "Operations")
  .annotate(
    OpenApi.Description,
    "The event log, its consumer groups and their dead letters. For the admin key only.",
  ) {}
