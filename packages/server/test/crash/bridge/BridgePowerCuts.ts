/**
 * The power of a bridge is cut at any of its writes: what was not flushed to the disk is lost, all of it or any part.
 *
 * What is left is opened by a real bridge, which delivers to a server that stands where it stood at the cut. With full
 * durability every sample whose `flush` had resolved must then be there; with normal durability samples may be lost;
 * and with both none may be there twice, and no chunk may come under an identity that another one had.
 */
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Bundle, type TelemetryFrame } from "@paceline/core/wire"
import { openBridge } from "@paceline/device-bridge"
import { bunSqlite } from "@paceline/device-bridge/drivers/bun-sqlite"
import { directLine, SimulatedServer } from "@paceline/device-bridge/verify"
import { Effect, Random } from "effect"
import { answeredBefore, cutPower, type DropModel, type Operation, readOperations } from "../power/Disk.ts"
import { type Outcome, randomNumbers } from "../Rounds.ts"
import { temporaryFolder } from "./BridgeKills.ts"
import { STORED_MARK } from "./PowerVictim.ts"

export type Durability = "full" | "normal"

/** What a bridge did to its disk, and what its server had stored, in order. */
export interface RecordedRun {
  readonly operations: ReadonlyArray<Operation>
  readonly stored: ReadonlyArray<TelemetryFrame.Chunk>
}

interface AfterCut {
  /** How many values a `flush` had covered before the cut, and how many of those are nowhere. */
  readonly promised: number
  readonly lost: number
  /** The bridge said, when it opened what was left, that something may be lost. */
  readonly told: boolean
  readonly problems: ReadonlyArray<string>
}

/** So many cuts are made into one run. */
const CUTS_A_RUN = 250
const CHUNKS_A_RUN = 300

/** So many bridges open what is left at once; they wait for each other's timers and disks, not for the processor. */
const AT_ONCE = 8

/** What is recorded after the cut; far from all that was recorded before. */
const AFTERWARDS = 500_000_000

/** What is left after a cut is looked at in memory, where there is such a place: it need not survive anything. */
const MEMORY = "/dev/shm"

const imagesFolder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(existsSync(MEMORY) ? MEMORY : tmpdir(), "paceline-images-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true })),
)

const VICTIM = join(import.meta.dirname, "PowerVictim.ts")

/** Lets a bridge record `chunks` chunks and writes down all that it does to its folder. */
export const recordRun = (folder: string, chunks: number, durability: Durability) =>
  Effect.promise(async (): Promise<RecordedRun> => {
    const data = join(folder, "data")
    const log = join(folder, "writes")
    mkdirSync(data, { recursive: true })
    const victim = Bun.spawn([process.execPath, VICTIM, data, log, `${chunks}`, durability], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "inherit",
    })
    const said = await new Response(victim.stdout).text()
    if ((await victim.exited) !== 0) throw new Error("The bridge whose power is to be cut did not get that far")
    return { operations: readOperations(log), stored: said.split("\n").flatMap(chunkOf) }
  })

const chunkOf = (line: string): ReadonlyArray<TelemetryFrame.Chunk> => {
  const [incarnation = "", n = "", crc = "", payload = ""] = line.split(" ")
  if (payload === "") return []
  return [
    {
      _tag: "Chunk",
      incarnation,
      n: Number(n),
      crc: Number(crc),
      payload: new Uint8Array(Buffer.from(payload, "hex")),
    },
  ]
}

const valuesOf = (chunk: TelemetryFrame.Chunk): ReadonlyArray<number> => {
  const bundle = Bundle.decode(chunk.payload)
  if ("_tag" in bundle) throw new Error(bundle.detail)
  return bundle.flatMap((block) => Array.from(block.values))
}

/** Opens what a cut left in `image`, delivers it, and looks at what the server has then. */
export const look = async (run: RecordedRun, cut: number, image: string): Promise<AfterCut> => {
  const problems: Array<string> = []
  const marks = answeredBefore(run.operations, cut)
  const flushed = Math.max(-1, ...marks.filter((mark) => mark < STORED_MARK))
  const before = run.stored.slice(0, marks.filter((mark) => mark >= STORED_MARK).length)
  const server = new SimulatedServer({ window: 256 })
  server.restore(before)
  let told = false
  const bridge = openBridge({
    path: join(image, "buffer.sqlite"),
    // The device has started anew since.
    driver: { ...bunSqlite(), occupy: () => {}, bootId: () => "after the cut" },
    url: "ws://nowhere",
    deviceId: "gateway-1",
    key: "secret",
    dial: directLine(server),
    flushMillis: 600_000,
    onEvent: (event) => {
      told ||= event._tag === "FlushesMayBeLost"
      if (event._tag === "BufferSetAside") problems.push(`the file was damaged: ${event.reason}`)
    },
  })
  bridge.record("afterwards", "power", AFTERWARDS, AFTERWARDS)
  await bridge.drained()
  await bridge.close()

  const known = new Set(run.stored.map(({ incarnation }) => incarnation))
  const last = server.stored.at(-1)
  if (last === undefined || !valuesOf(last).includes(AFTERWARDS))
    problems.push("what was recorded afterwards is not there")
  else if (known.has(last.incarnation) || last.n !== 1) problems.push(`${last.incarnation}/${last.n} is used again`)
  const times = new Map<number, number>()
  for (const value of server.stored.flatMap(valuesOf)) times.set(value, (times.get(value) ?? 0) + 1)
  for (const [value, count] of times) if (count > 1) problems.push(`${value} is stored ${count} times`)
  problems.push(...server.faults)
  let lost = 0
  for (let value = 0; value <= flushed; value++) if (!times.has(value)) lost++
  return { promised: flushed + 1, lost, told, problems }
}

/** So many cuts, half of them in each drop model. */
export const bridgePowerCuts = (cuts: number, durability: Durability) =>
  Effect.gen(function* () {
    const problems: Array<string> = []
    let acknowledged = 0
    let lost = 0
    for (let done = 0; done < cuts; done += CUTS_A_RUN) {
      yield* Effect.scoped(
        Effect.gen(function* () {
          const folder = yield* temporaryFolder
          const images = yield* imagesFolder
          const run = yield* recordRun(folder, CHUNKS_A_RUN, durability)
          acknowledged += Math.max(
            0,
            ...run.operations.map((done) => (done.type === "mark" && done.number < STORED_MARK ? done.number + 1 : 0)),
          )
          const planned = yield* Effect.forEach(Array.from({ length: Math.min(CUTS_A_RUN, cuts - done) }), (_, i) =>
            Effect.all({
              cut: Random.nextIntBetween(0, run.operations.length + 1),
              model: Effect.succeed<DropModel>(i % 2 === 0 ? "nothing" : "some"),
              random: randomNumbers,
              image: Effect.succeed(join(images, `image-${i}`)),
            }),
          )
          yield* Effect.forEach(
            planned,
            ({ cut, image, model, random }) =>
              Effect.promise(async () => {
                mkdirSync(image)
                cutPower(run.operations, cut, model, random, image)
                const found = await look(run, cut, image)
                rmSync(image, { recursive: true, force: true })
                lost += found.lost
                const round = `power cut at ${cut} of ${run.operations.length}, ${model} of it kept`
                if (found.lost > 0 && (durability === "full" || !found.told)) {
                  const silently = durability === "full" ? "" : ", and nobody is told"
                  problems.push(`${round}: ${found.lost} of ${found.promised} acknowledged samples are lost${silently}`)
                }
                problems.push(...found.problems.slice(0, 5).map((problem) => `${round}: ${problem}`))
              }),
            { concurrency: AT_ONCE },
          )
        }),
      )
    }
    return { rounds: cuts, acknowledged, lost, problems } satisfies Outcome & { readonly lost: number }
  })
