/** `paceline config`: every setting, its value, and where that came from. */
import { Console, type Effect } from "effect"
import { describeSource } from "../config/Setting.ts"
import { type ResolvedSettings, sections } from "../config/Settings.ts"
import { table } from "./Table.ts"

/** The same for programs, with all that can be said of a setting. */
const list = (settings: ResolvedSettings) =>
  Object.values(settings).map(({ setting, source, value }) => ({
    name: setting.name,
    value,
    source: describeSource(source),
    default: setting.default,
    flag: `--${setting.name}`,
    environment: setting.env,
    description: setting.description,
  }))

/** For people: in groups, each with a line of its own. */
const lines = (settings: ResolvedSettings): string =>
  table(
    Object.entries(sections).flatMap(([title, keys], i) => [
      ...(i === 0 ? [] : [[]]),
      [`# ${title}`],
      ...keys.map((key) => {
        const { setting, source, value } = settings[key]
        return [setting.name, String(value) || "none", describeSource(source)]
      }),
    ]),
  )

export const config = (settings: ResolvedSettings, options: { readonly json: boolean }): Effect.Effect<void> =>
  Console.log(options.json ? JSON.stringify(list(settings), null, 2) : lines(settings))
