// `npm start`: sets up, then runs the server on its embedded store with a demo class. Flags are passed on:
// `npm start -- --port 9000`.

import { run, setUp } from "./setup.mjs"

setUp()
run("bun", ["packages/server/src/main.ts", "serve", "--demo", ...process.argv.slice(2)])
