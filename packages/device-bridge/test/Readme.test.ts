/** What the README shows is what happens. */
import { spawn } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { text } from "node:stream/consumers"
import { expect, test } from "vitest"
import { HELP } from "../src/process/Flags.ts"
import { IMPORT_HELP } from "../src/process/ImportFlags.ts"
import { bun, node } from "./Runtimes.ts"
import { TelemetryServer } from "./TelemetryServer.ts"

const packageFolder = resolve(import.meta.dirname, "..")
const readme = readFileSync(join(packageFolder, "README.md"), "utf8")
const program = readFileSync(resolve(packageFolder, "../../docs/paceline-bridge.md"), "utf8")

test("the flags are those of --help", () => {
  expect(program).toContain(`\`\`\`text\n${HELP}\`\`\`\n`)
  expect(program).toContain(`\`\`\`text\n${IMPORT_HELP}\`\`\`\n`)
})

test.each([node, bun])("the first example runs as it stands, on $name", async ({ name, command, args }) => {
  const [, example = ""] = /```ts\n([\s\S]*?)```/.exec(readme) ?? []
  const folder = mkdtempSync(join(tmpdir(), "paceline-readme-"))
  const server = TelemetryServer.start()
  const script = example
    .replace('"buffer.sqlite"', JSON.stringify(join(folder, "buffer.sqlite")))
    .replace("ws://127.0.0.1:8080", server.url)
  const asModule = name === "node" ? ["--input-type=module"] : []
  const child = spawn(command, [...args, ...asModule, "-e", script], {
    cwd: packageFolder,
    env: { ...process.env, PACELINE_DEVICE_ID: "gateway-1", PACELINE_DEVICE_KEY: "secret" },
  })
  try {
    const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)])
    expect(errors).toBe("")
    expect(output).toMatch(/deliveredChunks: 1,/)
    expect(server.values).toEqual([128])
    expect(server.hellos[0]).toMatchObject({ deviceId: "gateway-1", key: "secret" })
  } finally {
    child.kill("SIGKILL")
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }
})
