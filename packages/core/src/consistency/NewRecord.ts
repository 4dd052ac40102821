/** What a unit of work tells the log: the records that go with a change of state. */
import { Context, Option, Tracer } from "effect"

export type Headers = Readonly<Record<string, string>>

/** What is appended. Records with the same key keep their order. */
export interface NewRecord {
  readonly key: string
  /** Plain JSON data. */
  readonly payload: unknown
  /**
   * Names the record: appending the same id to the same topic again, within the topic's dedup time, appends nothing
   * and answers where the first one lies.
   */
  readonly id?: string
  /** What travels beside the payload, such as the W3C trace context in `traceparent`. */
  readonly headers?: Headers
}

/** Records, and the topic that they go to. */
export interface TopicRecords {
  readonly topic: string
  readonly records: ReadonlyArray<NewRecord>
}

/** The headers of records that are made in this context: a trace goes on where they are consumed. */
export const headersIn = (context: Context.Context<never>): Pick<NewRecord, "headers"> => {
  const span = Context.getOption(context, Tracer.ParentSpan)
  return Option.isNone(span) ? {} : { headers: { traceparent: traceparentOf(span.value) } }
}

/** W3C Trace Context, version 00. */
const traceparentOf = (span: Tracer.AnySpan): string =>
  `00-${span.traceId.padStart(32, "0")}-${span.spanId.padStart(16, "0")}-${span.sampled ? "01" : "00"}`
