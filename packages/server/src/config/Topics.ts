/**
 * How each topic of the event log is kept: the one place for it.
 *
 * Telemetry is most of what there is, and is forgotten when it is old enough and every group has read it. The word of
 * which chunks came is as much, and goes after an hour, since the chunks themselves stay. Profiles and completed workouts
 * are few, and what is computed from them, now or by a later version, begins with the first: they stay. One partition each, because one process with one writer gains nothing from more; the number is fixed when a
 * topic is first stored.
 */
import { Topics } from "@paceline/core/contract"
import type { EventLog, Retention } from "@paceline/core/messaging"
import { Duration } from "effect"

export const settings: Readonly<Record<string, EventLog.TopicSettings>> = {
  [Topics.people.name]: { partitions: 1 },
  [Topics.telemetry.name]: { partitions: 1 },
  [Topics.training.name]: { partitions: 1 },
  [Topics.chunks.name]: { partitions: 1 },
}

const ALWAYS: Retention.TopicRetention = { keep: Duration.infinity }
const AN_HOUR: Retention.TopicRetention = { keep: Duration.hours(1) }

/** Nothing goes before every known group has read it. */
export const retention = (keepDays: number): Retention.RetentionOptions => ({
  keep: Duration.days(keepDays),
  topics: { [Topics.people.name]: ALWAYS, [Topics.training.name]: ALWAYS, [Topics.chunks.name]: AN_HOUR },
})
