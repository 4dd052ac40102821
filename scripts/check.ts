/**
 * `npm run check`: types, lint and format, import rules, unused code. Each gate says what it looked at,
 * so that a gate that looked at nothing is seen.
 */
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("..", import.meta.url))

interface Gate {
  readonly name: string
  readonly command: ReadonlyArray<string>
  /** What the output must hold besides exit code 0. */
  readonly proof?: RegExp
}

const bin = (name: string) => `${root}/node_modules/.bin/${name}`

const gates: ReadonlyArray<Gate> = [
  { name: "types", command: [bin("tsc"), "-p", "."] },
  { name: "lint and format", command: [bin("biome"), "ci", "--colors=off", "."], proof: /Checked \d{2,} files/ },
  {
    name: "import rules",
    command: [process.execPath, "--bun", bin("depcruise"), "packages", "examples", "bench"],
    proof: /no dependency violations found \(\d{2,} modules/,
  },
  // Under Node: under Bun it takes "ws" for a built-in module.
  { name: "unused code", command: ["node", bin("knip"), "--no-progress"] },
]

let failed = 0
for (const gate of gates) {
  const started = performance.now()
  const child = Bun.spawn([...gate.command], { cwd: root, stdout: "pipe", stderr: "pipe" })
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ])
  const holds = code === 0 && (gate.proof === undefined || gate.proof.test(out + err))
  console.log(`${holds ? "ok  " : "FAIL"} ${gate.name} (${((performance.now() - started) / 1000).toFixed(1)} s)`)
  if (!holds) {
    failed++
    console.log(out + err)
  }
}
process.exit(failed === 0 ? 0 : 1)
