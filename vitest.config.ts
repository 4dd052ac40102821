import { defineConfig } from "vitest/config"

export default defineConfig({
  resolve: { conditions: ["bun", "module", "default"] },
  ssr: { resolve: { conditions: ["bun", "module", "default"] } },
  test: {
    include: ["packages/*/src/**/*.test.ts", "packages/*/test/**/*.test.ts", "examples/**/*.test.ts"],
    pool: "forks",
    testTimeout: 20_000,
    passWithNoTests: false,
  },
})
