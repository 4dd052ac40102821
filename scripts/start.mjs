// `npm start`: sets up, then runs the server on its embedded store with a demo class. Flags are passed on:
// `npm start -- --port 9000`.

import { run, setUp } from "./setup.mjs"

setUp()
// People read what npm start prints, also where it is not a terminal.
process.env.PACELINE_LOG_FORMAT ??= "pretty"
run("bun", ["packages/server/src/main.ts", "serve", "--demo", ...process.argv.slice(2)])
