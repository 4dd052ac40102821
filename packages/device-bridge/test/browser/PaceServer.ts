/** The real server of this repository, as its own process with a data folder, and what it has stored. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { Bundle } from "@paceline/core/wire"
import { bunSqlite } from "../../src/drivers/BunSqlite.ts"

const repository = resolve(import.meta.dirname, "../../../..")

export interface Device {
  readonly deviceId: string
  readonly key: string
}

export class PaceServer {
  readonly url: string
  /** The data folder. */
  readonly folder: string
  readonly #child: Bun.Subprocess

  static async start(): Promise<PaceServer> {
    const folder = mkdtempSync(join(tmpdir(), "paceline-server-"))
    const child = Bun.spawn(
      [
        process.execPath,
        "packages/server/src/main.ts",
        "serve",
        "--port",
        "0",
        "--data",
        folder,
        "--log-format",
        "json",
      ],
      { cwd: repository, stdin: "ignore", stdout: "pipe", stderr: "inherit" },
    )
    const url = await new Promise<string>((resolve, reject) => {
      // Read to its end: a server whose log nobody reads would wait for them.
      const read = async (): Promise<void> => {
        let said = ""
        for await (const piece of child.stdout.pipeThrough(new TextDecoderStream())) {
          said += piece
          const ready = said.includes("Paceline is ready") ? said.match(/https?:\/\/[^"\s]+/)?.[0] : undefined
          if (ready !== undefined) resolve(ready.replace(/\/$/, ""))
        }
        throw new Error(`The server ended before it was ready:\n${said}`)
      }
      read().catch(reject)
    })
    return new PaceServer(url, folder, child)
  }

  private constructor(url: string, folder: string, child: Bun.Subprocess) {
    this.url = url
    this.folder = folder
    this.#child = child
  }

  async addDevice(): Promise<Device> {
    const adminKey = readFileSync(join(this.folder, "admin.key"), "utf8").trim()
    const answer = await fetch(`${this.url}/v1/devices`, {
      method: "POST",
      headers: { authorization: `Bearer ${adminKey}`, "content-type": "application/json" },
      body: JSON.stringify({ name: "Browser" }),
    })
    const { deviceId, key } = Object(await answer.json())
    return { deviceId: String(deviceId), key: String(key) }
  }

  /** The values of all samples that the device's chunks hold, in the order of storing. */
  valuesOf(deviceId: string): Array<number> {
    const database = bunSqlite().open(join(this.folder, "paceline.db"))
    try {
      return database
        .prepare("select payload from chunk where device_id = ? order by rowid")
        .all(deviceId)
        .flatMap(({ payload }) => {
          const bundle = payload instanceof Uint8Array ? Bundle.decode(payload) : []
          if ("_tag" in bundle) throw new Error(bundle.detail)
          return bundle.flatMap(({ values }) => [...values])
        })
    } finally {
      database.close()
    }
  }

  async stop(): Promise<void> {
    this.#child.kill("SIGTERM")
    await this.#child.exited
    rmSync(this.folder, { recursive: true, force: true })
  }
}
