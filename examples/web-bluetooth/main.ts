/**
 * A page that records a heart-rate strap with Web Bluetooth and delivers it to a server exactly once, offline too.
 *
 *   bun examples/web-bluetooth/main.ts [--url http://127.0.0.1:8080] [--data ./paceline-data] [--port 3000]
 *
 * Start a server first: `npm start`. Then open the address that this prints in Chrome or Edge and connect your strap;
 * `?simulate` at its end takes a simulated one. Pull the network, reload, close the tab: what was recorded arrives.
 * Run from a terminal it serves until Ctrl+C. Run by a program, it checks that the page is whole, and ends.
 */
import { parseArgs } from "node:util"
import { registerStrap } from "./registration.ts"
import { buildSite } from "./site.ts"

const { values: options } = parseArgs({
  options: {
    url: { type: "string", default: process.env["PACELINE_URL"] ?? "http://127.0.0.1:8080" },
    data: { type: "string", default: process.env["PACELINE_DATA"] ?? "./paceline-data" },
    port: { type: "string", default: process.stdin.isTTY ? "3000" : "0" },
    /** Serve until stopped, also where nobody sits at a terminal. */
    stay: { type: "boolean", default: process.stdin.isTTY === true },
  },
})

const strap = await registerStrap(options.url, options.data)
const files = await buildSite()
files.set("/strap.json", new Response(JSON.stringify(strap), { headers: { "content-type": "application/json" } }))

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: Number(options.port),
  fetch: (request) => {
    const { pathname } = new URL(request.url)
    return files.get(pathname === "/" ? "/index.html" : pathname)?.clone() ?? new Response("not here", { status: 404 })
  },
})
const address = `http://127.0.0.1:${server.port}`
console.log(`The page is at ${address}, and with a simulated strap at ${address}/?simulate`)

if (!options.stay) {
  for (const path of ["/", "/page.js", "/page.css", "/bridge-worker.js", "/sqlite3.wasm", "/strap.json"]) {
    const answer = await fetch(address + path)
    const { size } = await answer.blob()
    if (!answer.ok || size === 0) throw new Error(`${path}: ${answer.status}, ${size} bytes`)
    console.log(`${path} is there (${Math.ceil(size / 1024)} KiB)`)
  }
  await server.stop(true)
}
