/**
 * The least that durable ingest can cost, as a program: a bare Bun WebSocket server and a group commit, without Effect,
 * schemas, keys or anything that reads what is stored. It prints its URL.
 *
 * It takes the same frames, keeps each chunk as it came and the mark of its incarnation in one transaction for all that
 * wait, flushed (WAL, synchronous=FULL), and then acknowledges. Checkpoints are SQLite's own.
 */
import { Database } from "bun:sqlite"
import { join } from "node:path"
import { TelemetryFrame } from "@paceline/core/wire"

interface Waiting {
  readonly socket: Bun.ServerWebSocket<unknown>
  readonly chunk: TelemetryFrame.Chunk
}

const database = new Database(join(process.argv[2] ?? ".", "bare.db"))
for (const pragma of ["journal_mode=WAL", "synchronous=FULL"]) database.run(`PRAGMA ${pragma}`)
database.run(
  "CREATE TABLE chunk (incarnation TEXT, n INTEGER, payload BLOB, PRIMARY KEY (incarnation, n)) STRICT, WITHOUT ROWID",
)
database.run("CREATE TABLE mark (incarnation TEXT PRIMARY KEY, n INTEGER NOT NULL) STRICT, WITHOUT ROWID")
const insert = database.prepare<unknown, [string, number, Uint8Array]>("INSERT INTO chunk VALUES (?, ?, ?)")
const move = database.prepare<unknown, [string, number]>(
  "INSERT INTO mark VALUES (?, ?) ON CONFLICT DO UPDATE SET n = excluded.n",
)

let waiting: Array<Waiting> = []

const store = database.transaction((all: ReadonlyArray<Waiting>) => {
  for (const { chunk } of all) {
    insert.run(chunk.incarnation, chunk.n, chunk.payload)
    move.run(chunk.incarnation, chunk.n)
  }
})

const turn = (): void => {
  const all = waiting
  waiting = []
  store.immediate(all)
  for (const { chunk, socket } of all) {
    socket.sendBinary(TelemetryFrame.encode({ _tag: "Ack", incarnation: chunk.incarnation, n: chunk.n }))
  }
}

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch: (request, server) => (server.upgrade(request) ? undefined : new Response("a WebSocket door", { status: 426 })),
  websocket: {
    message: (socket, message) => {
      if (typeof message === "string") return
      const frame = TelemetryFrame.decode(message)
      if (frame._tag === "Hello") {
        socket.sendBinary(TelemetryFrame.encode({ _tag: "Welcome", marks: [], window: 64 }))
      } else if (frame._tag === "Chunk") {
        if (waiting.length === 0) setImmediate(turn)
        // The bytes belong to the socket, which uses them again.
        waiting.push({ socket, chunk: { ...frame, payload: frame.payload.slice() } })
      }
    },
  },
})
console.log(`ws://127.0.0.1:${server.port}/v1/telemetry`)
