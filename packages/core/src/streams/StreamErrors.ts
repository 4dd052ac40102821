/** What a stream refuses. */
import { Effect, Schema } from "effect"

/** What is stored under the stream's name was gathered by another definition. */
export class StreamDefinitionChanged extends Schema.TaggedError<StreamDefinitionChanged>(
  "paceline/StreamDefinitionChanged",
)("StreamDefinitionChanged", {
  stream: Schema.String,
  stored: Schema.String,
  given: Schema.String,
}) {
  override get message(): string {
    return (
      `The stream "${this.stream}" is stored as "${this.stored}", and was started as "${this.given}". ` +
      "Run it under a new name, which reads the log from its start, or throw away what is stored with `reset`."
    )
  }
}

/** A function of the stream threw at an event: it would throw again, so the event goes to the dead letters at once. */
export class EventUnusable extends Schema.TaggedError<EventUnusable>("paceline/EventUnusable")("EventUnusable", {
  stream: Schema.String,
  cause: Schema.Defect,
}) {
  readonly retryable = false

  override get message(): string {
    return `A function of the stream "${this.stream}" threw at an event`
  }
}

/** Runs pure functions of the stream's author. */
export const attempt = <A>(stream: string, compute: () => A): Effect.Effect<A, EventUnusable> =>
  Effect.try({ try: compute, catch: (cause) => new EventUnusable({ stream, cause }) })
