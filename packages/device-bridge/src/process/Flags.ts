/**
 * The command line of the bridge as a program: what may be said, and what is wrong with what was said.
 *
 * A key is better given by the environment than by a flag, which every process on the machine can read.
 */
import { parseArgs } from "node:util"
import { telemetryUrl } from "../delivery/Address.ts"

export interface Flags {
  readonly url: string
  readonly deviceId: string
  readonly key: string
  readonly dataFolder: string
  readonly athletes: number
  readonly seed: number
  readonly files: ReadonlyArray<string>
  readonly speed: number
  /** When the playback began, milliseconds since the epoch. */
  readonly startedAtMs: number
  /** Real seconds of playback; null: without end. */
  readonly seconds: number | null
  /** How much of what nobody heard the straps remember, in milliseconds of their own clock. */
  readonly memoryMs: number
  /** Whether straps are heard as Bluetooth packets, through the parsers. */
  readonly radio: boolean
  readonly flushMillis: number
  readonly keepDelivered: boolean
  readonly exitWhenDrained: boolean
  readonly json: boolean
}

export type Parsed =
  | { readonly _tag: "Run"; readonly flags: Flags }
  | { readonly _tag: "Help" }
  | { readonly _tag: "Wrong"; readonly message: string }

export const HELP = `paceline-bridge: records straps and delivers every sample to a Paceline server exactly once.

  paceline-bridge --url ws://192.168.1.20:8080 --device gateway-1 [flags]
  paceline-bridge import FILE… [flags]    brings recorded activities in; see paceline-bridge import --help
  paceline-bridge verify [flags]          tries to lose a sample, and reports; see paceline-bridge verify --help

It plays FIT activities, or made-up athletes, as if their straps were heard now. Samples are written to a buffer
on disk first and deleted when the server has them, so pulling the plug, the network or the server loses nothing:
start it again with the same flags and it goes on.

Where to
  --url URL            the server, such as ws://192.168.1.20:8080 or https://gym.example
  --device ID          this device's id, as "paceline device add" printed it
  --key KEY            its key; better in the environment: PACELINE_DEVICE_KEY
  --data DIR           folder of the buffer (./paceline-bridge); one bridge at a time may use it

What is played
  --athletes N         straps strap-01, strap-02, … (1); 0 records nothing and only delivers what waits
  --seed S             fixes who the made-up athletes are and how they train (1)
  --file FILE.fit      play this activity; repeat it for more: strap i plays file i, then from the first again
  --speed K            the straps' clock runs K times as fast as the wall's (1); with --seconds it is dated back,
                       so that the end is now and nothing lies in the future
  --started-at MS      when the playback began, milliseconds since the epoch (now); a bridge that is started
                       again with the same value goes on where the clock is by then
  --seconds S          stop after so many real seconds and end every activity; without it recordings repeat,
                       each round an activity of its own
  --memory-minutes M   straps remember the last M minutes that nobody heard, and tell them when the bridge is
                       there (0)
  --radio              play them as the packets of a Bluetooth strap and an indoor bike, through the parsers

How
  --flush-ms MS        write to disk this often (1000); a crash costs at most so much of what was heard
  --keep-delivered     keep delivered chunks in the buffer, for audits; it then grows for ever
  --exit-when-drained  end when the playback is over and the server has everything
  --json               one JSON object a line on the output: the status twice a second, and what happens
  --help               this text

Exit codes: 0 done or stopped by SIGTERM or SIGINT, 64 wrong flags, 65 a bad FIT file, 69 there is no SQLite that can be
trusted, 73 the data folder cannot be used, 74 the buffer cannot be read or written, 75 another bridge uses it, 78 a
newer version wrote it.
`

export const parseFlags = (
  argv: ReadonlyArray<string>,
  env: Readonly<Record<string, string | undefined>>,
  nowMs: number,
): Parsed => {
  try {
    const { positionals, values } = parseArgs({ args: [...argv], options, strict: true, allowPositionals: true })
    if (values.help === true || positionals[0] === "help") return { _tag: "Help" }
    if (positionals[0] !== undefined) {
      throw new WrongFlag(`There is no command "${positionals[0]}": import and verify are, as the first word.`)
    }
    const flags: Flags = {
      url: address(required("--url", values.url)),
      deviceId: deviceId(required("--device", values.device)),
      key: key(values.key ?? env["PACELINE_DEVICE_KEY"]),
      dataFolder: values.data,
      athletes: whole("--athletes", values.athletes, 0, 10_000),
      seed: whole("--seed", values.seed, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
      files: values.file,
      speed: between("--speed", values.speed, 0.01, 1_000),
      startedAtMs: values["started-at"] === undefined ? nowMs : whole("--started-at", values["started-at"], 0, 8.64e15),
      seconds: values.seconds === undefined ? null : between("--seconds", values.seconds, 0.1, 1e7),
      memoryMs: between("--memory-minutes", values["memory-minutes"], 0, 1_440) * 60_000,
      radio: values.radio,
      flushMillis: whole("--flush-ms", values["flush-ms"], 10, 600_000),
      keepDelivered: values["keep-delivered"],
      exitWhenDrained: values["exit-when-drained"],
      json: values.json,
    }
    if (flags.exitWhenDrained && flags.seconds === null && flags.athletes > 0) {
      throw new WrongFlag("--exit-when-drained needs --seconds (or --athletes 0): a playback without end never drains.")
    }
    return { _tag: "Run", flags }
  } catch (thrown) {
    return { _tag: "Wrong", message: `${messageOf(thrown)} Try --help.` }
  }
}

const noFiles: Array<string> = []

const options = {
  url: { type: "string" },
  device: { type: "string" },
  key: { type: "string" },
  data: { type: "string", default: "./paceline-bridge" },
  athletes: { type: "string", default: "1" },
  seed: { type: "string", default: "1" },
  file: { type: "string", multiple: true, default: noFiles },
  speed: { type: "string", default: "1" },
  "started-at": { type: "string" },
  seconds: { type: "string" },
  "memory-minutes": { type: "string", default: "0" },
  radio: { type: "boolean", default: false },
  "flush-ms": { type: "string", default: "1000" },
  "keep-delivered": { type: "boolean", default: false },
  "exit-when-drained": { type: "boolean", default: false },
  json: { type: "boolean", default: false },
  help: { type: "boolean", short: "h" },
} as const

export class WrongFlag extends Error {}

/** What `parseArgs` says ends without a full stop, and its hint about positionals helps nobody here. */
export const messageOf = (thrown: unknown): string => {
  const message = thrown instanceof Error ? thrown.message : String(thrown)
  const [first = message] = message.split(/\. (?=To specify|Did you)/)
  return /[.!?]$/.test(first) ? first : `${first}.`
}

export const required = (name: string, value: string | undefined): string => {
  if (value === undefined || value === "") throw new WrongFlag(`${name} is missing.`)
  return value
}

export const address = (url: string): string => {
  try {
    telemetryUrl(url)
    return url
  } catch (thrown) {
    throw new WrongFlag(`--url: ${messageOf(thrown)}`)
  }
}

export const deviceId = (value: string): string => {
  if (/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/.test(value)) return value
  throw new WrongFlag(`--device: "${value}" is no device id: 1 to 64 letters, digits, "-" or "_".`)
}

export const key = (value: string | undefined): string => {
  if (value !== undefined && value !== "") return value
  throw new WrongFlag("The device's key is missing: set PACELINE_DEVICE_KEY, or give --key.")
}

const between = (name: string, value: string, least: number, most: number): number => {
  const number = value.trim() === "" ? Number.NaN : Number(value)
  if (number >= least && number <= most) return number
  throw new WrongFlag(`${name}: "${value}" is no number from ${least} to ${most}.`)
}

const whole = (name: string, value: string, least: number, most: number): number => {
  const number = between(name, value, least, most)
  if (Number.isSafeInteger(number)) return number
  throw new WrongFlag(`${name}: "${value}" is no whole number.`)
}
