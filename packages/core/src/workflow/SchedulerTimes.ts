/**
 * When a schedule's runs are due, as it is written: a cron expression in a time zone, or an interval.
 *
 * Expressions are read by Effect's `Cron` (five fields, or six with seconds first; lists, ranges, steps, names), and
 * stepped by it in UTC. What the zone's clocks make of that is the kernel's `ZonedTimes`, with this policy:
 *
 * - an expression with fixed hours comes once a day for each of its times, also where clocks are changed;
 * - one that leaves the hour open (`*`) comes whenever the clocks show it, and does not stop for a repeated hour.
 *
 * (`Cron.next` with a zone is not used: it leaves out the whole repeated hour in autumn, so that what runs each minute
 * stops for an hour; and asked within that hour it answers a time that has passed.)
 */
import { Cron, Effect, Either, Schema } from "effect"
import * as ZoneOffset from "../kernel/streams/ZoneOffset.ts"
import * as ZonedTimes from "../kernel/workflow/ZonedTimes.ts"

export type When =
  | {
      /** Such as `30 2 * * mon-fri`. */
      readonly cron: string
      /** An IANA name, such as `Europe/Berlin`. */
      readonly zone: string
    }
  /** Counted from the epoch, so that all processes agree; at least 1 s. */
  | { readonly everyMillis: number }

/** The schedule says nothing that can come. */
export class InvalidSchedule extends Schema.TaggedError<InvalidSchedule>("paceline/InvalidSchedule")(
  "InvalidSchedule",
  { schedule: Schema.String, message: Schema.String },
) {}

export interface Times {
  /** In one line, the same for the same schedule. */
  readonly text: string
  /** The first nominal time after an instant; undefined when none comes any more. */
  readonly nextAfter: (afterMillis: number) => number | undefined
}

const parse = (when: When): Either.Either<Times, InvalidSchedule> =>
  "cron" in when ? parseCron(when.cron, when.zone) : parseInterval(when.everyMillis)

const parseInterval = (everyMillis: number): Either.Either<Times, InvalidSchedule> => {
  const text = `every ${everyMillis} ms`
  if (!Number.isInteger(everyMillis) || everyMillis < 1_000) {
    const message = "An interval is a whole number of milliseconds, at least 1000."
    return Either.left(new InvalidSchedule({ schedule: text, message }))
  }
  return Either.right({ text, nextAfter: (after) => (Math.floor(after / everyMillis) + 1) * everyMillis })
}

const parseCron = (expression: string, zone: string): Either.Either<Times, InvalidSchedule> => {
  const text = `${expression.trim().replaceAll(/\s+/g, " ")} ${zone}`
  const invalid = (message: string) => Either.left(new InvalidSchedule({ schedule: text, message }))
  if (!ZoneOffset.isZone(zone))
    return invalid(`There is no time zone "${zone}". Give an IANA name, such as Europe/Berlin.`)
  const parsed = Cron.parse(expression, "UTC")
  if (Either.isLeft(parsed)) return invalid(`"${expression}" is no cron expression: ${parsed.left.message}`)
  const cron = parsed.right
  const times = wallTimesOf(cron)
  if (times(0) === undefined) return invalid(`"${expression}" names a date that never comes.`)
  const repeat = cron.hours.size === 0 || cron.hours.size === 24 ? "each" : "once"
  return Either.right({
    text,
    nextAfter: (after) => ZonedTimes.next(times, repeat, zone, after, ZoneOffset.offsetMinutes),
  })
}

/** `Cron` throws when it finds nothing. */
const wallTimesOf =
  (cron: Cron.Cron): ZonedTimes.WallTimes =>
  (fromWallMillis) => {
    try {
      return Cron.next(cron, new Date(fromWallMillis - 1)).getTime()
    } catch {
      return undefined
    }
  }

export const times = (when: When): Effect.Effect<Times, InvalidSchedule> => Effect.suspend(() => parse(when))
