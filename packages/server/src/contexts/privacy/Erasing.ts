/**
 * Erases athletes: the decision, and what has to be done until nothing of them is left.
 *
 * `erase` is answered when the doors are closed: keys, pairings and the profile are gone, and everybody hears of it from
 * the log. `advance` does one page of the rest; it is asked until it answers `idle`, by `Reactions.ts`, and goes on where
 * it was after a crash.
 */
import { randomBytes } from "node:crypto"
import { AggregateStore, Scrubber, UnitOfWork } from "@paceline/core/consistency"
import {
  AthleteDirectory,
  AthleteErased,
  type AthleteId,
  NotFound,
  orUnavailable,
  PersonalData,
  requireAdmin,
  requireAthlete,
  Topics,
} from "@paceline/core/contract"
import { EventLog, RecordCopies } from "@paceline/core/messaging"
import { Clock, Effect, Queue, Schema } from "effect"
import * as Erasure from "./Model.ts"
import { ErasureRepository } from "./Repository.ts"

const WAITING = "waiting" as const

/** So many records of the log are looked at in one unit of work. */
const RECORDS_A_PAGE = 5_000

const SectionPlace = Schema.parseJson(Schema.Struct({ section: Schema.Int, place: Schema.NullOr(Schema.String) }))
const LogPlace = Schema.parseJson(Schema.Struct({ range: Schema.Int, from: Schema.Int }))

export class Erasing extends Effect.Service<Erasing>()("paceline/privacy/Erasing", {
  dependencies: [ErasureRepository.Default],
  effect: Effect.gen(function* () {
    const repository = yield* ErasureRepository
    const sections = yield* PersonalData
    const athletes = yield* AthleteDirectory
    const scrubber = yield* Scrubber
    const work = yield* UnitOfWork
    const log = yield* EventLog.EventLog
    const aggregates = yield* AggregateStore.AggregateStore
    /** Rings when somebody is to be erased. */
    const bell = yield* Queue.sliding<void>(1)

    /** One page of what contexts keep; the next place, or null. */
    const forgetPage = Effect.fnUntraced(function* ({ athleteId, place }: Erasure.Running) {
      const at = place === null ? { section: 0, place: null } : yield* Schema.decode(SectionPlace)(place)
      const section = sections[at.section]
      if (section === undefined) return null
      const next = yield* section.forget(athleteId, at.place)
      const on = next === null ? { section: at.section + 1, place: null } : { section: at.section, place: next }
      return yield* Schema.encode(SectionPlace)(on)
    })

    /** Every partition of these topics. */
    const partitionsOf = (topics: ReadonlyArray<string>) =>
      Effect.map(
        Effect.forEach(topics, (topic) =>
          Effect.map(log.partitions(topic), (partitions) => partitions.map((partition) => ({ topic, partition }))),
        ),
        (all) => all.flat(),
      )

    const redactPage = Effect.fnUntraced(function* (
      { athleteId, place }: Erasure.Running,
      isMeant: (topic: string) => boolean,
    ) {
      const at = place === null ? { range: 0, from: 0 } : yield* Schema.decode(LogPlace)(place)
      const partition = (yield* partitionsOf((yield* log.topics).filter(isMeant)))[at.range]
      if (partition === undefined) return null
      const { end, start } = yield* log.bounds(partition.topic, partition.partition)
      const from = Math.max(at.from, start)
      const to = Math.min(from + RECORDS_A_PAGE, end)
      if (from < to) yield* log.redact(partition.topic, partition.partition, athleteId, { from, to })
      return yield* Schema.encode(LogPlace)(to >= end ? { range: at.range + 1, from: 0 } : { ...at, from: to })
    })

    /** Whether every group on the topic of people has read the announcement. */
    const allHaveHeard = Effect.fnUntraced(function* ({ announced }: Erasure.Running) {
      const lags = (yield* log.lag).filter(
        ({ partition, topic }) => topic === Topics.people.name && partition === announced.partition,
      )
      return lags.every(({ committed }) => committed > announced.offset)
    })

    /** One page of the task; "waiting" when others have to get on first. */
    const page = Effect.fnUntraced(function* (running: Erasure.Running) {
      switch (running.task) {
        case "contexts":
        case "leftovers":
          return yield* forgetPage(running)
        case "copies":
        case "late copies":
          yield* RecordCopies.forget(running.athleteId)
          return null
        case "log":
          return yield* redactPage(running, (topic) => topic !== Topics.people.name)
        case "readers":
          return (yield* allHaveHeard(running)) ? null : WAITING
        case "announcement":
          return yield* redactPage(running, (topic) => topic === Topics.people.name)
      }
    })

    /** One page of an erasure, and where it goes on, in one unit of work. */
    const advanceOne = Effect.fnUntraced(
      function* (running: Erasure.Running) {
        const next = yield* page(running)
        if (next === WAITING) return WAITING
        const task = next === null ? Erasure.after(running.task) : running.task
        yield* task === null ? repository.dropName(running.subject) : repository.move(running.subject, task, next)
        return "progress" as const
      },
      (unit) => work.run(unit),
      Effect.provideService(AggregateStore.AggregateStore, aggregates),
    )

    /** Overwrites what was deleted, for all of whom nothing else is left. */
    const overwrite = Effect.fnUntraced(function* (subjects: ReadonlyArray<string>) {
      if (!(yield* scrubber.scrub)) return WAITING
      yield* work.run(repository.complete(subjects, yield* Clock.currentTimeMillis))
      yield* Effect.logInfo("Athletes were erased.").pipe(Effect.annotateLogs({ athletes: subjects.length }))
      return "progress" as const
    })

    const advance = Effect.fn("Erasing.advance")(function* () {
      const running = yield* repository.next()
      if (running !== null) return yield* advanceOne(running)
      const nameless = yield* repository.namelessSubjects()
      return nameless.length > 0 ? yield* overwrite(nameless) : ("idle" as const)
    })

    return {
      /** Erases an athlete. Answered when nothing new of them can come in; the rest goes on by itself. */
      erase: Effect.fn("Erasing.erase")(
        function* (athleteId: AthleteId) {
          const before = yield* repository.find(athleteId)
          if (before !== null) return Erasure.view(athleteId, before)
          if (!(yield* athletes.exists(athleteId))) return yield* NotFound.of("athlete", athleteId)
          for (const section of sections) yield* section.close(athleteId)
          const event = new AthleteErased({ athleteId })
          const [announced] = yield* EventLog.append(Topics.people, [{ key: athleteId, event }]).pipe(
            Effect.provideService(EventLog.EventLog, log),
          )
          const running: Erasure.Running = {
            subject: Erasure.subjectOf(athleteId),
            athleteId,
            task: "contexts",
            place: null,
            announced: { partition: announced?.partition ?? 0, offset: announced?.offset ?? 0 },
            requestedAtMs: yield* Clock.currentTimeMillis,
          }
          const receipt = Erasure.receiptOf(yield* Effect.sync(() => randomBytes(Erasure.RECEIPT_BYTES)))
          yield* repository.insert(running, Erasure.receiptHashOf(receipt))
          return { ...Erasure.view(athleteId, running), receipt }
        },
        (unit) => Effect.zipLeft(work.run(unit), bell.offer(undefined)),
        orUnavailable,
        (effect, athleteId) => requireAthlete(athleteId)(effect),
      ),

      /** How far an erasure is. */
      status: Effect.fn("Erasing.status")(
        function* (athleteId: AthleteId) {
          const erasure = yield* repository.find(athleteId)
          return erasure === null
            ? yield* NotFound.of("erasure of athlete", athleteId)
            : Erasure.view(athleteId, erasure)
        },
        orUnavailable,
        requireAdmin,
      ),

      /** How far it is, for whoever has the receipt that the first answer gave: their key is gone. */
      progress: Effect.fn("Erasing.progress")(function* (receipt: string) {
        const erasure = yield* repository.findByReceipt(Erasure.receiptHashOf(receipt))
        return erasure === null ? yield* NotFound.of("erasure", "with this receipt") : Erasure.progress(erasure)
      }, orUnavailable),

      /**
       * One step of whatever erasure is under way. `progress`: ask again at once; `waiting`: in a moment; `idle`: nobody
       * is to be erased.
       */
      advance,

      /** Waits until somebody is to be erased. */
      rung: bell.take,
    }
  }),
}) {}
