/** The command line of `paceline-bridge import`. */
import { parseArgs } from "node:util"
import { address, deviceId, key, messageOf, required, WrongFlag } from "./Flags.ts"

export interface ImportFlags {
  readonly paths: ReadonlyArray<string>
  readonly url: string
  readonly deviceId: string
  readonly key: string
  readonly dataFolder: string
  readonly sensor: string
  /** End when all is on the disk, before the server has it. */
  readonly noWait: boolean
  readonly json: boolean
}

export type ParsedImport =
  | { readonly _tag: "Run"; readonly flags: ImportFlags }
  | { readonly _tag: "Help" }
  | { readonly _tag: "Wrong"; readonly message: string }

export const IMPORT_HELP = `paceline-bridge import: brings recorded activities to a Paceline server, each exactly once.

  paceline-bridge import FILE… --url ws://192.168.1.20:8080 --device importer-1 [flags]

FILE is a FIT, GPX or TCX file, also gzipped, a folder of them, or the zip archive of a whole account as Strava,
Garmin and others give it out. Each file is recorded once, however often it is given and under whatever name: it
is known by its bytes. An import that was stopped or killed goes on where it was when it is started again. What is
wrong with one file is said, and stops no other.

  --url URL        the server, such as ws://192.168.1.20:8080 or https://gym.example
  --device ID      this device's id, as "paceline device add" printed it
  --key KEY        its key; better in the environment: PACELINE_DEVICE_KEY
  --sensor NAME    the name that the samples get (files); pair it with the athlete whose files these are, with
                   "paceline device pair"
  --data DIR       folder of the buffer, which also remembers what was imported (./paceline-import)
  --no-wait        end when all is on the disk; the next start delivers it
  --json           one JSON object a line on the output: each file, the report, the status twice a second
  --help           this text

Exit codes: 0 all files are imported, 64 wrong flags, 65 some files could not be read (the others are imported),
69 stopped before the end, or there is no SQLite that can be trusted, 73 the data folder cannot be used, 74 the buffer
cannot be read or written, 75 another bridge uses it, 77 the server refuses this device, 78 a newer version wrote the
buffer.
`

export const parseImportFlags = (
  argv: ReadonlyArray<string>,
  env: Readonly<Record<string, string | undefined>>,
): ParsedImport => {
  try {
    const { values, positionals } = parseArgs({ args: [...argv], options, strict: true, allowPositionals: true })
    if (values.help === true) return { _tag: "Help" }
    if (positionals.length === 0) throw new WrongFlag("There is nothing to import: name files, folders or archives.")
    return {
      _tag: "Run",
      flags: {
        paths: positionals,
        url: address(required("--url", values.url)),
        deviceId: deviceId(required("--device", values.device)),
        key: key(values.key ?? env["PACELINE_DEVICE_KEY"]),
        dataFolder: values.data,
        sensor: sensor(values.sensor),
        noWait: values["no-wait"],
        json: values.json,
      },
    }
  } catch (thrown) {
    return { _tag: "Wrong", message: `${messageOf(thrown)} Try import --help.` }
  }
}

const options = {
  url: { type: "string" },
  device: { type: "string" },
  key: { type: "string" },
  data: { type: "string", default: "./paceline-import" },
  sensor: { type: "string", default: "files" },
  "no-wait": { type: "boolean", default: false },
  json: { type: "boolean", default: false },
  help: { type: "boolean", short: "h" },
} as const

const sensor = (name: string): string => {
  if (/^[\x20-\x7e]{1,64}$/.test(name)) return name
  throw new WrongFlag(`--sensor: "${name}" is no name of a sensor: 1 to 64 letters, digits and signs of ASCII.`)
}
