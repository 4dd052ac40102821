// `npm test`: sets up, then runs every test under Bun. Arguments are passed on: `npm test -- packages/core`.

import { run, setUp } from "./setup.mjs"

setUp()
run("bun", [
  "--bun",
  "node_modules/vitest/vitest.mjs",
  "run",
  "--reporter=default",
  "--reporter=json",
  "--outputFile.json=build/test-results.json",
  ...process.argv.slice(2),
])
