/** The command line of `paceline-bridge verify`. */
import { parseArgs } from "node:util"
import { messageOf } from "../process/Flags.ts"

export interface VerifyFlags {
  readonly only: ReadonlyArray<string>
  readonly seed: number
  /** The file for the report; its ending says how it is written. */
  readonly report: string | null
  readonly json: boolean
  /** Wait for a bridge of others on this port, instead of trying the one of this package. */
  readonly listen: number | null
  readonly host: string
  /** What that bridge recorded, as NDJSON. */
  readonly recorded: string | null
  readonly subject: string | null
  readonly key: string
  /** How long to wait for that bridge, in milliseconds. */
  readonly timeoutMillis: number
}

export type ParsedVerify =
  | { readonly _tag: "Verify"; readonly flags: VerifyFlags }
  | { readonly _tag: "Help" }
  | { readonly _tag: "Wrong"; readonly message: string }

export const VERIFY_HELP = `paceline-bridge verify: tries to make a bridge lose or double samples, and reports what it saw.

  paceline-bridge verify [flags]                                    this package, on this machine
  paceline-bridge verify --listen PORT --recorded FILE [flags]      a bridge of your own, in any language

It starts servers that misbehave and networks that fail, all on this machine; kills processes; fills and damages
disks; turns clocks. Each check is a promise, and what was seen of it. Nothing leaves this machine.

Flags
  --report FILE        write a report to publish: .html (one page, complete in itself), .md or .json
  --json               print the report as JSON, and nothing else
  --only NAME          only this check or group, such as delivery/http or crash; repeat it for more
  --seed N             make the same random choices again (random)

A bridge of your own
  --listen PORT        be the server that it delivers to, and misbehave by a fixed script; 0 takes a free port
  --host ADDRESS       listen on this address (127.0.0.1); 0.0.0.0 lets a phone on the network in
  --key KEY            the key that the device says hello with (secret); any device id will do
  --recorded FILE      what it recorded, one JSON object a line, last line {"end":true}; see docs/makers.md
  --subject NAME       what it is called in the report
  --timeout SECONDS    how long to wait for it in all (120)
  --help               this text

Exit codes: 0 every check passed, 1 one failed, 64 wrong flags, 73 the report cannot be written there.
`

export const parseVerifyFlags = (argv: ReadonlyArray<string>): ParsedVerify => {
  try {
    const { values } = parseArgs({ args: [...argv], options, strict: true, allowPositionals: false })
    if (values.help === true) return { _tag: "Help" }
    const flags: VerifyFlags = {
      only: values.only,
      seed: values.seed === undefined ? randomSeed() : whole("--seed", values.seed, Number.MAX_SAFE_INTEGER),
      report: values.report === undefined ? null : reportFile(values.report),
      json: values.json,
      listen: values.listen === undefined ? null : whole("--listen", values.listen, 65_535),
      host: values.host,
      recorded: values.recorded ?? null,
      subject: values.subject ?? null,
      key: values.key,
      timeoutMillis: 1_000 * whole("--timeout", values.timeout, 86_400),
    }
    if ((flags.listen === null) !== (flags.recorded === null)) {
      throw new Error("--listen and --recorded go together: what arrives is held against what was recorded.")
    }
    return { _tag: "Verify", flags }
  } catch (thrown) {
    return { _tag: "Wrong", message: `${messageOf(thrown)} Try verify --help.` }
  }
}

const none: Array<string> = []

const options = {
  report: { type: "string" },
  json: { type: "boolean", default: false },
  only: { type: "string", multiple: true, default: none },
  seed: { type: "string" },
  listen: { type: "string" },
  host: { type: "string", default: "127.0.0.1" },
  key: { type: "string", default: "secret" },
  recorded: { type: "string" },
  subject: { type: "string" },
  timeout: { type: "string", default: "120" },
  help: { type: "boolean", short: "h" },
} as const

const randomSeed = (): number => crypto.getRandomValues(new Uint32Array(1))[0] ?? 1

const whole = (name: string, value: string, most: number): number => {
  const number = value.trim() === "" ? Number.NaN : Number(value)
  if (Number.isSafeInteger(number) && number >= 0 && number <= most) return number
  throw new Error(`${name}: "${value}" is no whole number from 0 to ${most}.`)
}

const reportFile = (value: string): string => {
  if (/\.(html|md|json)$/.test(value)) return value
  throw new Error(`--report: "${value}" must end in .html, .md or .json.`)
}
