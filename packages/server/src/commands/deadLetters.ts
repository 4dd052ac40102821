/** `paceline dead-letters`: the records that consumer groups gave up, and what a person does about them. */
import type { DeadLetterCount, DeadLetterView } from "@paceline/core/contract"
import { Console, Effect, Schema } from "effect"
import type { ResolvedSettings } from "../config/Settings.ts"
import { type Api, connect, orRefused } from "./LocalServer.ts"
import { table } from "./Table.ts"
import { countText, plural, timeText } from "./Text.ts"

interface Which {
  readonly group: string | undefined
  readonly topic: string | undefined
  readonly json: boolean
}

export interface ListOptions extends Which {
  readonly limit: number | undefined
}

export interface ShowOptions extends Which {
  readonly id: string
}

export interface ReplayOptions extends Which {
  readonly id: string | undefined
  readonly all: boolean
}

export interface DropOptions extends ReplayOptions {
  readonly yes: boolean
}

/** It was not said clearly enough which letters are meant, or that it is meant. */
class Unclear extends Schema.TaggedError<Unclear>("paceline/Unclear")("Unclear", { message: Schema.String }) {}

const LIMIT = 100
const MOST_A_PAGE = 1_000

const pathOf = ({ group, topic }: { readonly group: string; readonly topic: string }) => ({
  group: encodeURIComponent(group),
  topic: encodeURIComponent(topic),
})

/** The groups that have letters, and are asked for. */
const groupsOf = (api: Api, { group, topic }: Which) =>
  Effect.map(orRefused(api.operations.deadLetterCounts()), (counts) =>
    counts.filter(
      (one) => (group === undefined || one.group === group) && (topic === undefined || one.topic === topic),
    ),
  )

/** Up to `limit` letters of a group, in the order of the log. */
const lettersOf = (api: Api, of: DeadLetterCount, limit: number) =>
  Effect.gen(function* () {
    const letters: Array<DeadLetterView> = []
    while (letters.length < limit) {
      const after = letters.at(-1)?.id
      const count = Math.min(MOST_A_PAGE, limit - letters.length)
      const urlParams = { ...(after === undefined ? {} : { after }), limit: count }
      const page = yield* orRefused(api.operations.deadLetters({ path: pathOf(of), urlParams }))
      letters.push(...page)
      if (page.length < count) break
    }
    return letters
  })

/** The one letter of this id; an id may come in several groups. */
const find = (api: Api, which: ShowOptions) =>
  Effect.gen(function* () {
    const found: Array<DeadLetterView> = []
    for (const of of yield* groupsOf(api, which)) {
      const path = { ...pathOf(of), letterId: encodeURIComponent(which.id) }
      const letter = yield* api.operations.deadLetter({ path }).pipe(
        Effect.catchTag("NotFound", () => Effect.succeed(undefined)),
        orRefused,
      )
      if (letter !== undefined) found.push(letter)
    }
    const [letter, other] = found
    if (letter === undefined) {
      const message = `There is no dead letter "${which.id}". See: paceline dead-letters list`
      return yield* new Unclear({ message })
    }
    if (other !== undefined) {
      const groups = found.map(({ group, topic }) => `${group} on ${topic}`).join(", ")
      const message = `Several have the id ${which.id}: ${groups}. Say which with --group and --topic.`
      return yield* new Unclear({ message })
    }
    return letter
  })

const firstLine = (text: string): string => text.split("\n", 1)[0] ?? ""

const HEAD = ["GROUP", "TOPIC", "ID", "KEY", "ATTEMPTS", "GIVEN UP", "ERROR"]

const row = ({ attempts, deadAtMs, error, group, id, key, topic }: DeadLetterView) => [
  group,
  topic,
  id,
  key,
  String(attempts),
  timeText(deadAtMs),
  firstLine(error),
]

const none = ({ group, topic }: Which): string => {
  const of = [group === undefined ? "" : ` of group ${group}`, topic === undefined ? "" : ` on topic ${topic}`].join("")
  return `There are no dead letters${of}.`
}

export const list = (settings: ResolvedSettings, { limit = LIMIT, ...which }: ListOptions) =>
  Effect.gen(function* () {
    const { api } = yield* connect(settings)
    const groups = yield* groupsOf(api, which)
    const letters: Array<DeadLetterView> = []
    for (const of of groups) letters.push(...(yield* lettersOf(api, of, limit - letters.length)))
    if (which.json) return yield* Console.log(JSON.stringify(letters))
    if (letters.length === 0) return yield* Console.log(none(which))
    yield* Console.log(table([HEAD, ...letters.map(row)], { right: [4] }))
    const all = groups.reduce((sum, one) => sum + one.letters, 0)
    if (all > letters.length) {
      yield* Console.log(`… and ${countText(all - letters.length)} more: --limit ${all} shows all.`)
    }
  })

const details = (letter: DeadLetterView): string => {
  const { appendedAtMs, attempts, deadAtMs, error, failedAtMs, group, headers, id, key, offset } = letter
  const rows = [
    ["id", id],
    ["group", group],
    [
      "record",
      `${letter.topic}/${letter.partition} offset ${offset}${letter.recordId === null ? "" : `, id ${letter.recordId}`}`,
    ],
    ["key", key],
    ["appended", timeText(appendedAtMs)],
    ["failed first", timeText(failedAtMs)],
    ["given up", `${timeText(deadAtMs)}, after ${plural(attempts, "attempt")}`],
    ...Object.entries(headers).map(([name, value]) => [`header ${name}`, value]),
  ]
  return [
    table(rows),
    "",
    error,
    "",
    JSON.stringify(letter.payload, null, 2),
    "",
    `Replay it with: paceline dead-letters replay ${id}`,
  ].join("\n")
}

export const show = (settings: ResolvedSettings, options: ShowOptions) =>
  Effect.gen(function* () {
    const { api } = yield* connect(settings)
    const letter = yield* find(api, options)
    yield* Console.log(options.json ? JSON.stringify(letter) : details(letter))
  })

/** Either one or all. */
const chosen = ({ all, id }: ReplayOptions, verb: string) =>
  (id === undefined) === all
    ? Effect.succeed(id)
    : Effect.fail(
        new Unclear({ message: `Say which to ${verb}: the ID of one, or --all. See: paceline dead-letters list` }),
      )

const one = ({ group, id, topic }: DeadLetterView) => ({
  ...pathOf({ group, topic }),
  letterId: encodeURIComponent(id),
})

export const replay = (settings: ResolvedSettings, options: ReplayOptions) =>
  Effect.gen(function* () {
    const id = yield* chosen(options, "replay")
    const { api } = yield* connect(settings)
    let replayed = 0
    if (id === undefined) {
      for (const of of yield* groupsOf(api, options)) {
        replayed += (yield* orRefused(api.operations.replayAll({ path: pathOf(of) }))).replayed
      }
    } else {
      const letter = yield* find(api, { ...options, id })
      replayed = (yield* orRefused(api.operations.replay({ path: one(letter) }))).replayed
    }
    if (options.json) return yield* Console.log(JSON.stringify({ replayed }))
    yield* Console.log(replayed === 0 ? none(options) : `${plural(replayed, "record")} given back.`)
  })

export const drop = (settings: ResolvedSettings, options: DropOptions) =>
  Effect.gen(function* () {
    const id = yield* chosen(options, "drop")
    const { api } = yield* connect(settings)
    const letter = id === undefined ? undefined : yield* find(api, { ...options, id })
    const groups = letter === undefined ? yield* groupsOf(api, options) : []
    if (!options.yes) {
      const what =
        letter === undefined
          ? groups.map((of) => `${plural(of.letters, "dead letter")} of ${of.group} on ${of.topic}`).join(", ")
          : `the dead letter ${letter.id} of ${letter.group} on ${letter.topic}`
      if (what === "") return yield* Console.log(none(options))
      return yield* new Unclear({ message: `This would give up ${what}, for good. Say --yes to do it.` })
    }
    let dropped = 0
    for (const of of groups) dropped += (yield* orRefused(api.operations.dropAll({ path: pathOf(of) }))).dropped
    if (letter !== undefined) dropped = (yield* orRefused(api.operations.drop({ path: one(letter) }))).dropped
    if (options.json) return yield* Console.log(JSON.stringify({ dropped }))
    yield* Console.log(dropped === 0 ? none(options) : `${plural(dropped, "dead letter")} given up.`)
  })
