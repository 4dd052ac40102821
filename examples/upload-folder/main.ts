/**
 * Uploads a folder of recorded activities (FIT, GPX, TCX, gzipped or not, and zip archives) to a server, each exactly
 * once, and prints what became of them.
 *
 *   bun examples/upload-folder/main.ts [FOLDER] [--url http://127.0.0.1:8080] [--data ./paceline-data]
 *   node --conditions=bun examples/upload-folder/main.ts [FOLDER]
 *
 * Start a server first: `npm start`. The example registers a device and an athlete with the admin key that lies in the
 * server's data folder, so run it on the same machine. Without a FOLDER it writes two little activities to a temporary
 * one, a damaged copy and a copy under another name, so that there is something to see.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { parseArgs } from "node:util"
import { gzipSync } from "node:zlib"
import { openBridge, type SqliteDriver } from "@paceline/device-bridge"
import { type ImportedFile, importFiles } from "@paceline/device-bridge/process"

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    url: { type: "string", default: process.env["PACELINE_URL"] ?? "http://127.0.0.1:8080" },
    data: { type: "string", default: process.env["PACELINE_DATA"] ?? "./paceline-data" },
  },
})
const adminKey = readFileSync(join(options.data, "admin.key"), "utf8").trim()

const call = async (method: string, path: string, body?: unknown): Promise<unknown> => {
  const answer = await fetch(`${options.url}/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${adminKey}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`)
  return answer.json()
}

/** What stands in an answer under the names that lead to it. */
const field = (answer: unknown, ...names: ReadonlyArray<string>): unknown =>
  names.reduce<unknown>((value, name) => Reflect.get(Object(value), name), answer)

/** SQLite comes with Bun; on Node it is the package better-sqlite3. */
const driver = async (): Promise<SqliteDriver> =>
  process.versions["bun"] === undefined
    ? (await import("@paceline/device-bridge/drivers/better-sqlite3")).betterSqlite3()
    : (await import("@paceline/device-bridge/drivers/bun-sqlite")).bunSqlite()

/** Ten minutes of heart rate, half a year ago. */
const littleActivity = (sport: string, daysAgo: number): string => {
  const startedAt = Math.floor(Date.now() / 86_400_000 - daysAgo) * 86_400_000 + 8 * 3_600_000
  const points = Array.from({ length: 600 }, (_, second) => {
    const time = new Date(startedAt + 1000 * second).toISOString()
    const heartRate = Math.round(135 + 30 * Math.sin(second / 90))
    return `<trkpt lat="${47.6 + second / 1e5}" lon="8.5"><time>${time}</time><extensions><hr>${heartRate}</hr></extensions></trkpt>`
  })
  return `<?xml version="1.0"?><gpx version="1.1" creator="example"><trk><type>${sport}</type><trkseg>${points.join("")}</trkseg></trk></gpx>`
}

const work = mkdtempSync(join(tmpdir(), "paceline-upload-"))
const exampleFolder = (): string => {
  const folder = join(work, "recorded")
  mkdirSync(folder)
  const ride = littleActivity("cycling", 180)
  writeFileSync(join(folder, "run.gpx.gz"), gzipSync(littleActivity("running", 178)))
  writeFileSync(join(folder, "ride.gpx"), ride)
  writeFileSync(join(folder, "the same ride.gpx"), ride)
  writeFileSync(join(folder, "cut short.gpx"), ride.slice(0, ride.length / 2))
  return folder
}

try {
  const folder = positionals[0] ?? exampleFolder()
  const device = await call("POST", "/devices", { name: "Uploader" })
  const athlete = await call("POST", "/athletes", { alias: "Uploader" })
  const deviceId = String(field(device, "deviceId"))
  const athleteId = String(field(athlete, "profile", "athleteId"))
  // A class of their own keeps old files apart from what the athlete does now.
  await call("PUT", `/devices/${deviceId}/sensors/files`, { athleteId, classId: "imports" })

  const bridge = openBridge({
    path: join(work, "buffer.sqlite"),
    driver: await driver(),
    url: options.url.replace(/^http/, "ws"),
    deviceId,
    key: String(field(device, "key")),
    onEvent: (event) => console.warn(event),
  })

  const line = (name: string, what: string): void => console.log(`  ${name.slice(folder.length + 1).padEnd(24)}${what}`)
  const tell = (file: ImportedFile): void => {
    if (file._tag === "Unreadable") {
      line(file.name, `not read: ${file.error.message}`)
      return
    }
    const { durationMs, sport, startedAtMs } = file.activity
    const what = `${new Date(startedAtMs).toISOString().slice(0, 10)}  ${sport ?? "?"}, ${Math.round(durationMs / 60_000)} min`
    line(file.name, file._tag === "Known" ? `${what}: uploaded before` : `${what}: ${file.samples} samples`)
  }

  console.log(`Uploading ${folder}`)
  const report = await importFiles(bridge, [folder], { sensor: "files", onFile: tell })
  await bridge.drained()
  await bridge.close()
  console.log(
    `${report.imported} uploaded with ${report.samples} samples, ${report.known} uploaded before, ` +
      `${report.failed.length} not read, ${report.passedOver} passed over.`,
  )

  // The server makes trainings of them by itself, a moment later.
  for (let tries = 0; tries < 100; tries++) {
    const workouts = await call("GET", `/athletes/${athleteId}/workouts`)
    const list: ReadonlyArray<unknown> = Array.isArray(workouts) ? workouts : []
    if (list.length < report.imported && tries < 99) {
      await sleep(100)
      continue
    }
    for (const workout of list) {
      const startedAt = new Date(Number(field(workout, "startedAtMs"))).toISOString().slice(0, 10)
      console.log(
        `  ${startedAt}  mean ${field(workout, "meanHeartRateBpm")} bpm, ${field(workout, "effortPoints")} points`,
      )
    }
    break
  }
} finally {
  rmSync(work, { recursive: true, force: true })
}
