import { describe, expect, test } from "vitest"
import { parseFlags } from "./Flags.ts"

const env = { PACELINE_DEVICE_KEY: "from-env" }
const least = ["--url", "ws://127.0.0.1:8080", "--device", "gateway-1"]
const parse = (...argv: ReadonlyArray<string>) => parseFlags(argv, env, 1_000)

test("the least that must be said, and what is assumed", () => {
  expect(parse(...least)).toEqual({
    _tag: "Run",
    flags: {
      url: "ws://127.0.0.1:8080",
      deviceId: "gateway-1",
      key: "from-env",
      dataFolder: "./paceline-bridge",
      athletes: 1,
      seed: 1,
      files: [],
      speed: 1,
      startedAtMs: 1_000,
      seconds: null,
      memoryMs: 0,
      radio: false,
      flushMillis: 1_000,
      keepDelivered: false,
      exitWhenDrained: false,
      json: false,
    },
  })
})

test("all that can be said", () => {
  const all =
    "--key k --data d --athletes 12 --seed=-3 --file a.fit --file b.fit --speed 2.5 --started-at 5 --seconds 9.5"
  const rest = "--radio --flush-ms 50 --keep-delivered --exit-when-drained --json"
  expect(parse(...least, ...all.split(" "), ...rest.split(" "))).toMatchObject({
    flags: {
      key: "k",
      dataFolder: "d",
      athletes: 12,
      seed: -3,
      files: ["a.fit", "b.fit"],
      speed: 2.5,
      startedAtMs: 5,
      seconds: 9.5,
      radio: true,
      flushMillis: 50,
      keepDelivered: true,
      exitWhenDrained: true,
      json: true,
    },
  })
})

test("--help goes before everything that may be missing", () => {
  expect(parse("--help")).toEqual({ _tag: "Help" })
})

describe("what is wrong is said in a sentence", () => {
  test.each<[string, ReadonlyArray<string>, string]>([
    ["an unknown flag", [...least, "--sped", "2"], "Unknown option '--sped'. Try --help."],
    ["a word that is no flag", [...least, "fast"], 'There is no command "fast"'],
    ["no address", ["--device", "d"], "--url is missing. Try --help."],
    ["no server's address", ["--url", "gym", "--device", "d"], '--url: "gym" is no address of a server.'],
    ["no device", ["--url", "ws://gym"], "--device is missing."],
    ["no device's id", ["--url", "ws://gym", "--device", "a b"], '--device: "a b" is no device id'],
    ["half an athlete", [...least, "--athletes", "1.5"], '--athletes: "1.5" is no whole number.'],
    ["too many", [...least, "--athletes", "99999"], '--athletes: "99999" is no number from 0 to 10000.'],
    ["no number", [...least, "--speed", "fast"], '--speed: "fast" is no number from 0.01 to 1000.'],
    ["nothing for a number", [...least, "--seconds", ""], '--seconds: "" is no number'],
    ["no end to wait for", [...least, "--exit-when-drained"], "--exit-when-drained needs --seconds"],
  ])("%s", (_, argv, message) => {
    expect(parse(...argv)).toEqual({ _tag: "Wrong", message: expect.stringContaining(message) })
  })

  test("no key, and the message shows none", () => {
    const message = "The device's key is missing: set PACELINE_DEVICE_KEY, or give --key. Try --help."
    expect(parseFlags(least, {}, 0)).toEqual({ _tag: "Wrong", message })
    expect(parseFlags([...least, "--key", "hush", "--athletes", "x"], {}, 0)).not.toMatchObject({
      message: expect.stringContaining("hush"),
    })
  })
})
