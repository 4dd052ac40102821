/**
 * Runs every example as its reader would. An example is a folder of examples/ with a main.ts; it ends by
 * itself and exits 0. Those that talk to a server get one, with the demo class, at PACELINE_URL.
 */
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { startPaceline } from "./server-under-test.ts"

const root = fileURLToPath(new URL("..", import.meta.url))
const examples = readdirSync(join(root, "examples"), { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && existsSync(join(root, "examples", entry.name, "main.ts")))
  .map((entry) => entry.name)

const folder = mkdtempSync(join(tmpdir(), "paceline-examples-"))
const server = await startPaceline(join(folder, "data"))
const failed: Array<string> = []
try {
  for (const name of examples) {
    console.log(`examples/${name}`)
    const child = Bun.spawn([process.execPath, join("examples", name, "main.ts")], {
      cwd: root,
      env: { ...process.env, PACELINE_URL: server.url, PACELINE_DATA: join(folder, "data") },
      stdin: "ignore",
      stdout: "inherit",
      stderr: "inherit",
      timeout: 60_000,
    })
    if ((await child.exited) !== 0) failed.push(name)
  }
} finally {
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
}
if (examples.length === 0) failed.push("(there are no examples)")
console.log(failed.length === 0 ? `${examples.length} examples ran` : `failed: ${failed.join(", ")}`)
process.exit(failed.length === 0 ? 0 : 1)
