/** `paceline athlete export` and `erase`: an athlete's data, taken along or erased, on the running server. */
import { createWriteStream } from "node:fs"
import { rename, rm } from "node:fs/promises"
import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import { AthleteId } from "@paceline/core/contract"
import { Console, Duration, Effect, Schema } from "effect"
import type { ResolvedSettings } from "../config/Settings.ts"
import { connect, orRefused } from "./LocalServer.ts"

interface Output {
  readonly json: boolean
}

class ExportFailed extends Schema.TaggedError<ExportFailed>("paceline/ExportFailed")("ExportFailed", {
  message: Schema.String,
}) {}

export interface ExportOptions extends Output {
  readonly athlete: string
  readonly to: string
}

/** The last line of an export that came whole. */
const LAST = /\{"type":"end","records":(\d+)\}\n$/

/** Copies the stream to a file as it comes, and answers how many records are in it. */
const download = (url: string, key: string, to: string): Effect.Effect<number, ExportFailed> =>
  Effect.tryPromise({
    try: async (signal) => {
      const response = await fetch(url, { headers: { authorization: `Bearer ${key}` }, signal })
      if (!response.ok || response.body === null) {
        const text = await response.text()
        throw new Error(text === "" ? `The server answered ${response.status}.` : messageIn(text))
      }
      let tail = ""
      const partial = `${to}.partial`
      try {
        const bytes = async function* (source: AsyncIterable<Uint8Array>) {
          for await (const part of source) {
            tail = (tail + Buffer.from(part).toString("latin1")).slice(-80)
            yield part
          }
        }
        await pipeline(Readable.from(bytes(response.body)), createWriteStream(partial, { flags: "wx", mode: 0o600 }))
        const records = LAST.exec(tail)?.[1]
        if (records === undefined) throw new Error("The export was cut before its end. Try again.")
        await rename(partial, to)
        return Number(records)
      } finally {
        await rm(partial, { force: true })
      }
    },
    catch: (cause) =>
      new ExportFailed({ message: `Nothing was exported. ${cause instanceof Error ? cause.message : String(cause)}` }),
  })

const messageIn = (text: string): string => {
  try {
    const message: unknown = Reflect.get(Object(JSON.parse(text)), "message")
    return typeof message === "string" ? message : text
  } catch {
    return text
  }
}

export const exportTo = (settings: ResolvedSettings, { athlete, json, to }: ExportOptions) =>
  Effect.gen(function* () {
    const athleteId = yield* orRefused(Schema.decode(AthleteId)(athlete))
    const { key, url } = yield* connect(settings)
    const records = yield* download(`${url}/v1/athletes/${athleteId}/export`, key, to)
    yield* Console.log(
      json ? JSON.stringify({ athleteId, to, records }) : `${records} records of ${athleteId} are in ${to}.`,
    )
  })

export interface EraseOptions extends Output {
  readonly athlete: string
  readonly yes: boolean
}

const A_MOMENT = Duration.millis(250)

export const erase = (settings: ResolvedSettings, { athlete, json, yes }: EraseOptions) =>
  Effect.gen(function* () {
    const athleteId = yield* orRefused(Schema.decode(AthleteId)(athlete))
    const { api } = yield* connect(settings)
    const path = { athleteId }
    if (!yes) {
      const alias = (yield* orRefused(api.people.list())).find((one) => one.athleteId === athleteId)?.alias
      if (alias === undefined) return yield* Console.log(`There is no athlete "${athleteId}". Nothing was done.`)
      return yield* Console.log(
        [
          `This erases ${alias} (${athleteId}): profile, key, pairings, sessions, points, and every sample of theirs.`,
          "It cannot be undone, and backups that were made before keep what they have. To take it along first:",
          "",
          `  paceline athlete export ${athleteId} --to ${athleteId}.ndjson`,
          "",
          `To erase it: paceline athlete erase ${athleteId} --yes`,
        ].join("\n"),
      )
    }
    let erasure = yield* orRefused(api.privacy.erase({ path }))
    let told = ""
    while (erasure.status === "running") {
      if (!json && erasure.step !== told) yield* Console.log(`  ${erasure.step} …`)
      told = erasure.step
      yield* Effect.sleep(A_MOMENT)
      erasure = yield* orRefused(api.privacy.erasure({ path }))
    }
    yield* Console.log(
      json
        ? JSON.stringify(erasure)
        : `${athleteId} is erased. Backups that were made before still have what they had: see docs/privacy.md.`,
    )
  })
