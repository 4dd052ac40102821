import { spawnSync } from "node:child_process"
import { expect, test } from "vitest"
import { node, program } from "../../test/Runtimes.ts"

test("[bridge 15] [bridge 17] on Node a refused WebSocket says when to come again, at once, and HTTP works or says why not", () => {
  const { stdout, stderr } = spawnSync(node.command, [...node.args, program("refused-upgrade.ts")], {
    encoding: "utf8",
    timeout: 15_000,
  })
  const [refused, welcomed, nobody] = stdout.split("\n")
  expect(stderr).not.toContain("Error")
  // Where there is no Node that is new enough, Bun stands in, whose WebSocket keeps the status to itself.
  if (node.name === "node") expect(refused).toBe("it was answered with HTTP 503 4000")
  expect(welcomed).toBe("Welcome")
  // Not just "fetch failed".
  expect(nobody).toContain("ECONNREFUSED")
})
