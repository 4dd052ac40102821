import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"

/**
 * The workspace's own packages, resolved to their sources by their `bun` condition. Not by `resolve.conditions`:
 * vitest would start its workers as `bun --conditions bun`, which Bun reads as a call of its bundler.
 */
const sources = ["core", "client-sdk", "device-bridge"].flatMap((folder) => {
  const manifest: unknown = JSON.parse(readFileSync(`packages/${folder}/package.json`, "utf8"))
  const exported: unknown = Reflect.get(Object(manifest), "exports")
  return Object.entries(Object(exported)).flatMap(([subpath, target]) => {
    const source: unknown = Reflect.get(Object(target), "bun")
    if (typeof source !== "string") return []
    const name = `@paceline/${folder}${subpath.slice(1)}`
    const replacement = fileURLToPath(new URL(`packages/${folder}/${source}`, import.meta.url))
    return [{ find: new RegExp(`^${name}$`), replacement }]
  })
})

export default defineConfig({
  resolve: { alias: sources },
  test: {
    include: ["packages/*/src/**/*.test.ts", "packages/*/test/**/*.test.ts", "bench/**/*.test.ts"],
    setupFiles: ["scripts/seed-properties.ts"],
    pool: "forks",
    // One more than Vitest takes by itself on two cores: many tests wait, for a database or a process.
    poolOptions: { forks: { minForks: 1, maxForks: 2 } },
    testTimeout: 20_000,
    passWithNoTests: false,
  },
})
