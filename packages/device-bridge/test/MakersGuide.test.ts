/** The first program of the makers' guide runs as it stands. */
import { spawn } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { text } from "node:stream/consumers"
import { expect, test } from "vitest"
import { bun, node } from "./Runtimes.ts"
import { TelemetryServer } from "./TelemetryServer.ts"

const guide = readFileSync(resolve(import.meta.dirname, "../../../docs/makers.md"), "utf8")

test.each([node, bun])(
  "the first packet arrives, on $name",
  async ({ name, command, args }) => {
    const [, example = ""] = /```ts\n([\s\S]*?)```/.exec(guide) ?? []
    const folder = mkdtempSync(join(tmpdir(), "paceline-guide-"))
    const server = TelemetryServer.start()
    const program = example
      .replace('"buffer.sqlite"', JSON.stringify(join(folder, "buffer.sqlite")))
      .replace("ws://127.0.0.1:8080", server.url)
    const asModule = name === "node" ? ["--input-type=module"] : []
    const child = spawn(command, [...args, ...asModule, "-e", program], {
      cwd: resolve(import.meta.dirname, ".."),
      env: { ...process.env, PACELINE_DEVICE_ID: "gateway-1", PACELINE_DEVICE_KEY: "secret" },
    })
    try {
      const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)])
      expect(errors).toBe("")
      expect(output).toBe("2 samples, 1 chunk delivered\n")
      expect(server.values.toSorted((a, b) => a - b)).toEqual([1, 61])
    } finally {
      child.kill("SIGKILL")
      await server.stop()
      rmSync(folder, { recursive: true, force: true })
    }
  },
  30_000,
)
