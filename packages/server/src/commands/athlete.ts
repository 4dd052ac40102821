/** `paceline athlete`: the athletes of the running server. */
import { Console, Effect } from "effect"
import type { ResolvedSettings } from "../config/Settings.ts"
import { connect, orRefused } from "./LocalServer.ts"
import { table } from "./Table.ts"

interface Output {
  readonly json: boolean
}

export interface AddOptions extends Output {
  readonly alias: string
  readonly maxHeartRateBpm: number
  readonly hidden: boolean
}

const FOR_PHONES = "For a phone, put this machine's name or address in the place of 127.0.0.1."

export const add = (settings: ResolvedSettings, { alias, hidden, json, maxHeartRateBpm }: AddOptions) =>
  Effect.gen(function* () {
    const { api, url } = yield* connect(settings)
    const added = yield* orRefused(
      api.people.create({ payload: { alias: alias.trim(), heartRateVisible: !hidden, maxHeartRateBpm } }),
    )
    if (json) return yield* Console.log(JSON.stringify(added))
    yield* Console.log(
      [
        `${added.profile.alias} is added, as ${added.profile.athleteId}. Their own page, with the key that is shown this once:`,
        "",
        `  ${url}/me#key=${added.key}`,
        ...(new URL(url).hostname === "127.0.0.1" ? ["", FOR_PHONES] : []),
      ].join("\n"),
    )
  })

export const list = (settings: ResolvedSettings, { json }: Output) =>
  Effect.gen(function* () {
    const { api } = yield* connect(settings)
    const athletes = yield* orRefused(api.people.list())
    if (json) return yield* Console.log(JSON.stringify(athletes))
    if (athletes.length === 0)
      return yield* Console.log("There are no athletes yet. Add one: paceline athlete add ALIAS")
    const rows = athletes.map((athlete) => [
      athlete.athleteId,
      athlete.alias,
      `${athlete.maxHeartRateBpm} bpm`,
      athlete.heartRateVisible ? "shown" : "hidden",
    ])
    yield* Console.log(table([["ATHLETE", "ALIAS", "MAXIMUM", "HEART RATE"], ...rows]))
  })
