/**
 * An athlete's export: one JSON record a line, from the first, `export`, to the last, `end`, which says how many there
 * were. An export without `end` was cut.
 *
 * Sections come one after the other, page by page, so that a million samples need no more memory than a page. The shapes
 * are in `docs/privacy.md`. It is the athlete's own: what they hide from others is in it.
 */
import {
  AthleteDirectory,
  type AthleteId,
  NotFound,
  orUnavailable,
  PersonalData,
  type PersonalRecord,
  requireAthlete,
} from "@paceline/core/contract"
import { Clock, Effect, Stream } from "effect"

/** What the lines mean; raised when a reader of older ones would be wrong. */
const VERSION = 1

export class Exporting extends Effect.Service<Exporting>()("paceline/privacy/Exporting", {
  effect: Effect.gen(function* () {
    const sections = yield* PersonalData
    const athletes = yield* AthleteDirectory

    /** The lines as bytes. Fails before the first where there is no such athlete; later ones end the stream. */
    const lines = (athleteId: AthleteId, exportedAtMs: number) => {
      let records = 0
      const line = (record: PersonalRecord) => `${JSON.stringify(record)}\n`
      const header: PersonalRecord = { type: "export", version: VERSION, athleteId, exportedAtMs }
      return Stream.make(header).pipe(
        Stream.concat(Stream.flatMap(Stream.fromIterable(sections), (section) => section.export(athleteId))),
        Stream.map((record) => {
          records++
          return line(record)
        }),
        Stream.concat(Stream.suspend(() => Stream.make(line({ type: "end", records })))),
        Stream.encodeText,
      )
    }

    return {
      export: Effect.fn("Exporting.export")(
        function* (athleteId: AthleteId) {
          if (!(yield* athletes.exists(athleteId))) return yield* NotFound.of("athlete", athleteId)
          return lines(athleteId, yield* Clock.currentTimeMillis)
        },
        orUnavailable,
        (effect, athleteId) => requireAthlete(athleteId)(effect),
      ),
    }
  }),
}) {}
