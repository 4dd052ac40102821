/**
 * Bundles the page and its worker with Bun, and puts SQLite's WebAssembly beside them. Any bundler that knows
 * `new Worker(new URL(…))` does the same by itself.
 */
import { join } from "node:path"
import { fileURLToPath } from "node:url"

/** The files of the site by their paths. */
export const buildSite = async (): Promise<Map<string, Response>> => {
  const built = await Bun.build({
    entrypoints: ["page.ts", "bridge-worker.ts"].map((name) => join(import.meta.dirname, name)),
    target: "browser",
    minify: true,
    // Inside this repository the packages are taken from their sources; without it, from npm.
    conditions: ["bun"],
  })
  const files = new Map<string, Response>()
  for (const output of built.outputs) files.set(`/${output.path.replace(/^.*\//, "")}`, new Response(output))
  for (const name of ["index.html", "page.css"]) {
    files.set(`/${name}`, new Response(await Bun.file(join(import.meta.dirname, name)).arrayBuffer(), typed(name)))
  }
  const wasm = Bun.file(fileURLToPath(import.meta.resolve("@sqlite.org/sqlite-wasm/sqlite3.wasm")))
  files.set("/sqlite3.wasm", new Response(await wasm.arrayBuffer(), typed("sqlite3.wasm")))
  return files
}

const typed = (name: string): ResponseInit => ({
  headers: { "content-type": { html: "text/html", css: "text/css" }[name.replace(/.*\./, "")] ?? "application/wasm" },
})
