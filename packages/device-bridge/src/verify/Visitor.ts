/**
 * Tries a bridge of its maker's own, written in any language, from the server's side: it connects, and the server
 * misbehaves by a script. At the end what arrived is held against the file of what was recorded.
 */
import { existsSync, readFileSync } from "node:fs"
import { setTimeout as sleep } from "node:timers/promises"
import { listen } from "./Listen.ts"
import { compare, type Recorded, readRecorded } from "./Recorded.ts"
import type { CheckResult } from "./Report.ts"
import { SimulatedServer } from "./SimulatedServer.ts"
import type { VerifyFlags } from "./VerifyFlags.ts"

/** One way to misbehave: begun, watched until it is over, and put right again. */
interface Stage {
  readonly name: string
  readonly promise: string
  readonly begin: (server: SimulatedServer) => void
  /** What was seen when it is over; null while it goes on. */
  readonly over: (now: Count, begun: Count) => string | null
  readonly end: (server: SimulatedServer) => void
}

interface Count {
  readonly stored: number
  readonly hellos: number
  readonly redeliveries: number
}

const countOf = ({ hellos, redeliveries, stored }: SimulatedServer): Count => ({
  stored: stored.length,
  hellos: hellos.length,
  redeliveries,
})

/** So many chunks must come while nothing is wrong with the server. */
const CHUNKS_A_STAGE = 3

const storedSince = (now: Count, begun: Count): string => {
  const chunks = now.stored - begun.stored
  return chunks === 1 ? "1 chunk was stored" : `${chunks} chunks were stored`
}

const chunksSince = (now: Count, begun: Count): string | null =>
  now.stored - begun.stored >= CHUNKS_A_STAGE ? storedSince(now, begun) : null

const cameBack = (times: number) => (now: Count, begun: Count) =>
  now.hellos - begun.hellos >= times ? `it connected again ${now.hellos - begun.hellos} times` : null

const nothing = (): void => {}

const script = (key: string): ReadonlyArray<Stage> => [
  {
    name: "listen/steady",
    promise: "It says hello, waits for the welcome, and delivers.",
    begin: nothing,
    over: chunksSince,
    end: nothing,
  },
  {
    name: "listen/lost-acknowledgements",
    promise: "When acknowledgements are lost, it sends the same chunks again under the same numbers.",
    begin: (server) => Object.assign(server.behaviour, { losesAcks: true }),
    over: (now, begun) => (now.stored > begun.stored ? `${storedSince(now, begun)} in silence` : null),
    end: (server) => {
      server.behaviour.losesAcks = false
      server.dropAll()
    },
  },
  {
    name: "listen/repeated-acknowledgements",
    promise: "An acknowledgement that comes twice is harmless.",
    begin: (server) => Object.assign(server.behaviour, { repeatsAcks: true }),
    over: chunksSince,
    end: (server) => Object.assign(server.behaviour, { repeatsAcks: false }),
  },
  {
    name: "listen/cuts",
    promise: "Cut off after every second chunk, it comes back and goes on where the server says.",
    begin: (server) => {
      server.onChunk = (count) => {
        if (count % 2 === 0) server.dropAll()
      }
    },
    over: cameBack(3),
    end: (server) => {
      server.onChunk = nothing
    },
  },
  {
    name: "listen/unavailable",
    promise: "A server that cannot store is asked again, and nothing is lost meanwhile.",
    begin: (server) => Object.assign(server.behaviour, { unavailable: true }),
    over: cameBack(2),
    end: (server) => Object.assign(server.behaviour, { unavailable: false }),
  },
  {
    name: "listen/key-refused",
    promise: "Refused for its key, it keeps everything and asks again.",
    begin: (server) => {
      server.behaviour.key = `not ${key}`
      server.dropAll()
    },
    over: cameBack(2),
    end: (server) => Object.assign(server.behaviour, { key }),
  },
  {
    name: "listen/half-open",
    promise: "A connection on which nothing is said any more is noticed, and replaced.",
    begin: (server) => Object.assign(server.behaviour, { silent: true }),
    // A silent server hears no hello: so it is the connections that are counted.
    over: (now, begun) => (now.hellos > begun.hellos ? "it gave the silent connection up and dialled again" : null),
    end: (server) => Object.assign(server.behaviour, { silent: false }),
  },
  {
    name: "listen/boasting-server",
    promise: "An acknowledgement of what was never sent deletes nothing.",
    begin: (server) => Object.assign(server.behaviour, { boasts: true }),
    over: (now, begun) =>
      now.stored > begun.stored && now.hellos > begun.hellos ? "it broke the connection off" : null,
    end: (server) => {
      server.behaviour.boasts = false
      server.dropAll()
    },
  },
]

const POLL_MILLIS = 50

/** When nothing more is recorded, and nothing has come for so long, nothing more will come. */
const QUIET_MILLIS = 3_000

/** Resolves to what each stage and the comparison gave, when both are over or the time is up. */
export const verifyVisitor = async (
  flags: VerifyFlags,
  port: number,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<ReadonlyArray<CheckResult>> => {
  const server = new Visited({ key: flags.key, window: 8 })
  const door = await listen(server, port, flags.host)
  say(`Waiting for a bridge at ${door.url}, with the key ${flags.key}.`)
  const results: Array<CheckResult> = []
  const stages = [...script(flags.key)]
  const deadline = performance.now() + flags.timeoutMillis
  const quiet = new Quiet(flags.recorded, server)
  const goesOn = (): boolean => !signal.aborted && performance.now() < deadline && !quiet.isOver()
  try {
    for (const stage of stages) {
      const since = performance.now()
      const begun = server.count
      stage.begin(server)
      let seen: string | null = null
      while (seen === null && goesOn()) {
        await sleep(POLL_MILLIS)
        seen = stage.over(server.count, begun)
      }
      stage.end(server)
      const { name, promise } = stage
      const otherwise = "it did not come to that: the bridge must record and deliver until the script is over"
      results.push({ name, promise, passed: seen !== null, seen: seen ?? otherwise, millis: performance.now() - since })
    }
    say('The script is over: end the file with the line {"end":true}.')
    while (!isComplete(flags.recorded, server) && goesOn()) await sleep(POLL_MILLIS)
    // What is stored twice may come a moment later.
    await sleep(2 * POLL_MILLIS)
  } finally {
    await door.close()
  }
  return [...results, ...judged(flags, server)]
}

/** Counts connections besides, which a silent server does not hear of by their hello. */
class Visited extends SimulatedServer {
  #joined = 0

  get count(): Count {
    return {
      ...countOf(this),
      hellos: this.behaviour.silent ? this.#joined : Math.max(this.#joined, this.hellos.length),
    }
  }

  override joined(line: Parameters<SimulatedServer["joined"]>[0]): void {
    this.#joined++
    super.joined(line)
  }
}

/** Whether all has been recorded, and nothing arrives any more. */
class Quiet {
  readonly #file: string | null
  readonly #server: SimulatedServer
  #stored = -1
  #since = 0

  constructor(file: string | null, server: SimulatedServer) {
    this.#file = file
    this.#server = server
  }

  isOver(): boolean {
    const { length } = this.#server.stored
    if (length !== this.#stored || !recordedSoFar(this.#file).ended) {
      this.#stored = length
      this.#since = performance.now()
    }
    return performance.now() - this.#since > QUIET_MILLIS
  }
}

const recordedSoFar = (file: string | null): Recorded =>
  file !== null && existsSync(file) ? readRecorded(readFileSync(file, "utf8")) : { samples: [], ended: false }

const isComplete = (file: string | null, server: SimulatedServer): boolean => {
  const { ended, samples } = recordedSoFar(file)
  return ended && samples.length <= server.samples.length && compare(samples, server.samples).lost === 0
}

const judged = (flags: VerifyFlags, server: SimulatedServer): ReadonlyArray<CheckResult> => {
  const { ended, samples } = recordedSoFar(flags.recorded)
  const found = compare(samples, server.samples)
  const order = found.outOfOrder.length === 0 ? "" : `; out of order: ${found.outOfOrder.join(", ")}`
  const whole = found.lost === 0 && found.doubled === 0 && order === "" && ended && samples.length > 0
  const sums = `${found.recorded} recorded, ${found.lost} lost, ${found.doubled} stored twice, ${found.unlisted} in no line`
  const why =
    samples.length === 0 ? "nothing was recorded in the file" : ended ? "" : 'the line {"end":true} never came'
  const { faults, mostUnacknowledged, behaviour } = server
  return [
    {
      name: "listen/exactly-once",
      promise: "Everything that was recorded is stored once, in the order of its stream.",
      passed: whole,
      seen: [sums + order, why, found.first ?? ""].filter((part) => part !== "").join("; "),
      millis: 0,
    },
    {
      name: "listen/rules",
      promise: "No rule of the protocol is broken: whole frames, hello first, one identity for one chunk.",
      passed: faults.length === 0,
      seen: faults.length === 0 ? `${server.hellos.length} connections without a fault` : faults.slice(0, 3).join("; "),
      millis: 0,
    },
    {
      name: "listen/window",
      promise: "No more chunks are on their way than the server's window allows.",
      passed: mostUnacknowledged <= behaviour.window,
      seen: `at most ${mostUnacknowledged} of ${behaviour.window} on their way`,
      millis: 0,
    },
  ]
}
