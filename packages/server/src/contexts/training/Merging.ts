/**
 * Finds the recordings that are one activity, whenever one is completed, and when a person says so.
 *
 * Each change looks at all recordings that could belong together and groups them anew (`ActivityGroups`); what differs
 * from the merges that are stored is undone or made, and told, in the caller's unit of work. So it comes to the same in
 * whatever order recordings arrive, late files included. What a person took apart stays apart.
 */
import { UnitOfWork } from "@paceline/core/consistency"
import {
  type AthleteId,
  InvalidRequest,
  Merge,
  MergeId,
  MergeUndone,
  NotFound,
  once,
  orUnavailable,
  requireAthlete,
  SessionId,
  Topics,
  Workout,
} from "@paceline/core/contract"
import { ActivityGroups, SameActivity } from "@paceline/core/kernel"
import { EventLog } from "@paceline/core/messaging"
import { Effect, Schema } from "effect"
import * as Merges from "./Merge.ts"
import { MergeRepository } from "./MergeRepository.ts"
import * as Session from "./Model.ts"

/** So many recordings are put together by hand, those counted that are merged with them already. */
const MOST_RECORDINGS = 20

/** So many merges are listed. */
const MERGES_LISTED = 500

export class Merging extends Effect.Service<Merging>()("paceline/training/Merging", {
  dependencies: [MergeRepository.Default],
  effect: Effect.gen(function* () {
    const repository = yield* MergeRepository
    const work = yield* UnitOfWork
    const log = yield* EventLog.EventLog

    const tell = (athleteId: AthleteId, events: ReadonlyArray<typeof Topics.training.schema.Type>) =>
      EventLog.append(
        Topics.training,
        events.map((event) => ({ key: athleteId, event })),
      ).pipe(Effect.provideService(EventLog.EventLog, log))

    /**
     * Completed recordings that these could be one activity with, and those with which these could be, and so on; those
     * that they are merged with too, as it was recognised, or not any more.
     */
    const related = Effect.fnUntraced(function* (
      athleteId: AthleteId,
      seeds: ReadonlyArray<SessionId>,
      decisions: ReadonlyArray<ActivityGroups.Decision>,
    ) {
      const found = new Map<SessionId, Merges.Recorded>()
      const lookAt = [...(yield* repository.completed(athleteId, seeds))]
      for (const one of lookAt) found.set(one.session.sessionId, one)
      for (let one = lookAt.pop(); one !== undefined; one = lookAt.pop()) {
        const recording = Merges.recordingOf(one)
        const near = SameActivity.isTooLong(recording)
          ? []
          : yield* repository.completedBetween(
              athleteId,
              recording.startedAtMs - SameActivity.FURTHEST_MILLIS,
              recording.endedAtMs + SameActivity.FURTHEST_MILLIS,
            )
        const merged = (yield* repository.mergesOf([one.session.sessionId])).flatMap(({ recordings }) => recordings)
        const known = [...partnersOf(recording.id, decisions), ...merged.map(({ sessionId }) => sessionId)]
        const fresh = [
          ...(yield* repository.completed(
            athleteId,
            known.filter((id) => !found.has(id)),
          )),
          ...near.filter((other) => SameActivity.compare(recording, Merges.recordingOf(other)).same),
        ].filter(({ session }) => !found.has(session.sessionId))
        for (const other of fresh) {
          if (!found.has(other.session.sessionId)) lookAt.push(other)
          found.set(other.session.sessionId, other)
        }
      }
      return found
    })

    /** Groups anew what could belong to these sessions, inside the caller's unit of work. */
    const regroup = Effect.fn("Merging.regroup")(function* (
      athleteId: AthleteId,
      sessions: ReadonlyArray<SessionId>,
      byHand = false,
    ) {
      const decisions = yield* repository.decisions(athleteId)
      const recorded = yield* related(athleteId, sessions, decisions)
      const before = yield* repository.mergesOf([...recorded.keys()])
      const groups = ActivityGroups.of(Array.from(recorded.values(), Merges.recordingOf), decisions)
      const after = groups
        .filter(({ members }) => members.length > 1)
        .map(({ links, members }) =>
          Merges.merge(
            athleteId,
            members.flatMap((id) => recorded.get(SessionId.make(id)) ?? []),
            links,
          ),
        )
      const kept = new Set(after.map(({ mergeId }) => mergeId))
      const known = new Set(before.map(({ mergeId }) => mergeId))
      for (const { mergeId, recordings } of before) {
        if (kept.has(mergeId)) continue
        yield* repository.remove(mergeId)
        const undone = recordings.map(({ sessionId }) => sessionId)
        yield* tell(athleteId, [new MergeUndone({ mergeId, athleteId, sessions: undone, byHand })])
      }
      for (const merge of after) {
        if (known.has(merge.mergeId)) continue
        yield* repository.insert(merge)
        yield* tell(athleteId, [Merges.told(merge)])
      }
    })

    /** The sessions that are meant: a merge's own id stands for all that it has. */
    const meant = Effect.fnUntraced(function* (athleteId: AthleteId, ids: ReadonlyArray<SessionId>) {
      const sessions = new Set<SessionId>()
      for (const id of ids) {
        const merge = yield* repository.find(athleteId, MergeId.make(id))
        if (merge !== null) for (const { sessionId } of merge.recordings) sessions.add(sessionId)
        else if ((yield* repository.completed(athleteId, [id])).length > 0) sessions.add(id)
        else return yield* NotFound.of("completed recording", id)
      }
      for (const { recordings } of yield* repository.mergesOf([...sessions])) {
        for (const { sessionId } of recordings) sessions.add(sessionId)
      }
      return [...sessions]
    })

    return {
      regroup,

      /** The merge that a session is part of, if any. */
      mergeOf: (sessionId: SessionId) =>
        Effect.map(repository.mergesOf([sessionId]), ([merge]): Merge | null => merge ?? null),

      /** Without asking whose they are: for whoever has asked already. */
      listAll: (athleteId: AthleteId) => repository.list(athleteId, MERGES_LISTED),

      /** Activities that several sources recorded, the newest first. */
      list: Effect.fn("Merging.list")(
        (athleteId: AthleteId) => repository.list(athleteId, MERGES_LISTED),
        orUnavailable,
        (effect, athleteId) => requireAthlete(athleteId)(effect),
      ),

      /** These are one activity, whatever was recognised or said before. */
      merge: Effect.fn("Merging.merge")(
        function* (athleteId: AthleteId, ids: ReadonlyArray<SessionId>) {
          const sessions = yield* meant(athleteId, ids)
          if (sessions.length > MOST_RECORDINGS) return yield* tooMany(sessions.length)
          yield* repository.decide(athleteId, sessions, false)
          yield* regroup(athleteId, sessions, true)
          const [merge] = yield* repository.mergesOf(sessions.slice(0, 1))
          return merge === undefined ? yield* NotFound.of("second recording beside", ids[0] ?? "") : merge
        },
        (unit) => work.run(unit),
        (merged, athleteId, sessions) =>
          once({ operation: "training.merge", content: { athleteId, sessions }, answer: Merge }, merged),
        orUnavailable,
        (effect, athleteId) => requireAthlete(athleteId)(effect),
      ),

      /** Its recordings are apart again, each with what it had, and stay apart. */
      undo: Effect.fn("Merging.undo")(
        function* (athleteId: AthleteId, mergeId: MergeId) {
          const merge = yield* repository.find(athleteId, mergeId)
          if (merge === null) return yield* NotFound.of("merge", mergeId)
          const sessions = merge.recordings.map(({ sessionId }) => sessionId)
          yield* repository.decide(athleteId, sessions, true)
          yield* regroup(athleteId, sessions, true)
          return (yield* repository.completed(athleteId, sessions)).map(({ session }) => Session.workout(session))
        },
        (unit) => work.run(unit),
        (undone, athleteId, mergeId) =>
          once(
            { operation: "training.undoMerge", content: { athleteId, mergeId }, answer: Schema.Array(Workout) },
            undone,
          ),
        orUnavailable,
        (effect, athleteId) => requireAthlete(athleteId)(effect),
      ),
    }
  }),
}) {}

const tooMany = (sessions: number): InvalidRequest =>
  new InvalidRequest({
    message: `With all that these are merged with already it is ${sessions} recordings, and an activity has at most ${MOST_RECORDINGS}.`,
  })

/** Those that a person said are one activity with it. */
const partnersOf = (id: string, decisions: ReadonlyArray<ActivityGroups.Decision>): ReadonlyArray<SessionId> =>
  decisions.flatMap(({ a, apart, b }) => (apart || (a !== id && b !== id) ? [] : [SessionId.make(a === id ? b : a)]))
