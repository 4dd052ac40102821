/**
 * A real Chromium for tests, with a profile on disk that outlives it, and a site that it can open: programs of this
 * folder, bundled as an application's bundler would.
 *
 * It takes the browser that PACELINE_CHROMIUM names or that is installed; on Debian one is installed when there is none.
 */
import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { type BrowserContext, chromium, type Page } from "playwright-core"

const repository = resolve(import.meta.dirname, "../../../..")

const executablePath = (): string => {
  const script = join(repository, "scripts/with-chromium.sh")
  const found = spawnSync("bash", [script, "printenv", "PACELINE_CHROMIUM"], { encoding: "utf8" })
  const path = found.stdout.trim()
  if (found.status === 0 && path !== "") return path
  throw new Error(`These tests need a Chromium; let PACELINE_CHROMIUM name one. ${found.stderr}`)
}

export interface Site {
  readonly url: string
  readonly stop: () => Promise<void>
}

/** Serves `page.html`-like emptiness at /, the bundles of the programs at /NAME.js, and SQLite's WebAssembly. */
export const serveSite = async (programs: ReadonlyArray<string>): Promise<Site> => {
  const built = await Bun.build({
    entrypoints: programs.map((name) => join(import.meta.dirname, "programs", `${name}.ts`)),
    target: "browser",
    format: "esm",
    conditions: ["bun"],
    sourcemap: "inline",
  })
  const bundles = new Map<string, string>()
  for (const output of built.outputs) bundles.set(output.path.replace(/^\.?\/?/, "/"), await output.text())
  const wasm = Bun.file(join(repository, "node_modules/@sqlite.org/sqlite-wasm/dist/sqlite3.wasm"))
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request) => {
      const { pathname } = new URL(request.url)
      if (pathname === "/sqlite3.wasm") return new Response(wasm, { headers: { "content-type": "application/wasm" } })
      const bundle = bundles.get(pathname)
      if (bundle !== undefined) return new Response(bundle, { headers: { "content-type": "text/javascript" } })
      if (pathname !== "/") return new Response("not here", { status: 404 })
      return new Response("<!doctype html><title>test</title>", { headers: { "content-type": "text/html" } })
    },
  })
  return { url: `http://127.0.0.1:${server.port}`, stop: () => server.stop(true) }
}

/** One person's browser: what it stores is there when it is started again. */
export class Browser {
  readonly #profile = mkdtempSync(join(tmpdir(), "paceline-chromium-"))
  #context: BrowserContext | null = null

  async #running(): Promise<BrowserContext> {
    this.#context ??= await chromium.launchPersistentContext(this.#profile, {
      executablePath: executablePath(),
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    })
    return this.#context
  }

  async open(url: string): Promise<Page> {
    const page = await (await this.#running()).newPage()
    page.on("pageerror", (error) => console.error(error))
    await page.goto(url)
    return page
  }

  /** Limits the storage of an origin to so many bytes; null lifts the limit. */
  async limitStorage(page: Page, bytes: number | null): Promise<void> {
    const session = await (await this.#running()).newCDPSession(page)
    const { origin } = new URL(page.url())
    await session.send("Storage.overrideQuotaForOrigin", { origin, ...(bytes === null ? {} : { quotaSize: bytes }) })
  }

  /** Throws away the origin's files and databases, as a browser that is short of space does. */
  async evict(page: Page): Promise<void> {
    const session = await (await this.#running()).newCDPSession(page)
    const { origin } = new URL(page.url())
    const storageTypes = "file_systems,indexeddb,cache_storage,service_workers"
    await session.send("Storage.clearDataForOrigin", { origin, storageTypes })
  }

  /** Ends the browser as a crash does: no page is told. */
  async kill(page: Page): Promise<void> {
    const session = await (await this.#running()).newCDPSession(page)
    // The command has no answer: there is nobody left to give one.
    session.send("Browser.crash").catch(() => {})
    await new Promise<void>((gone) => void this.#context?.once("close", () => gone()))
    this.#context = null
  }

  async quit(): Promise<void> {
    await this.#context?.close()
    this.#context = null
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5 })
  }
}
