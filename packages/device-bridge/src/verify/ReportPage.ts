/** The report as one HTML file: no script, nothing loaded from anywhere, readable in the dark and on paper. */
import { duration, factsOf, groupsOf, isVerified, type Report, verdict } from "./Report.ts"

const htmlOf = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;")

/** What each group of checks is about. */
const TITLES: Readonly<Record<string, string>> = {
  bytes: "Bytes",
  delivery: "Servers that misbehave",
  network: "Networks that fail",
  crash: "Crashes and backups",
  disk: "Disks",
  clock: "Clocks",
  listen: "Delivery to a server that misbehaves",
}

const STYLE = `
:root { color-scheme: light dark; --ink: #16202a; --soft: #5b6875; --paper: #ffffff; --panel: #f4f6f8; --line: #dde3e9;
  --good: #0b7a4b; --good-soft: #e2f5ec; --bad: #b3261e; --bad-soft: #fce8e6; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8edf2; --soft: #9aa7b4; --paper: #10161c; --panel: #18212a;
  --line: #2a3641; --good: #5fd3a0; --good-soft: #12372a; --bad: #ff8a80; --bad-soft: #401a18; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 62rem; margin: 0 auto; padding: 3rem 1.5rem 4rem; }
header p { margin: 0; color: var(--soft); letter-spacing: .02em; }
h1 { font-size: 2.1rem; line-height: 1.2; margin: .2rem 0 1.5rem; letter-spacing: -.01em; }
h2 { font-size: 1.15rem; margin: 2.5rem 0 .75rem; }
.verdict { display: flex; gap: 1rem; align-items: center; padding: 1.1rem 1.3rem; border-radius: .75rem;
  font-size: 1.15rem; font-weight: 600; }
.verdict .mark { font-size: 1.6rem; line-height: 1; }
.good { background: var(--good-soft); color: var(--good); }
.bad { background: var(--bad-soft); color: var(--bad); }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(13rem, 1fr)); gap: 1px; margin: 1.5rem 0 0;
  background: var(--line); border: 1px solid var(--line); border-radius: .75rem; overflow: hidden; }
dl div { background: var(--panel); padding: .7rem 1rem; }
dt { font-size: .8rem; color: var(--soft); }
dd { margin: 0; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
ol { list-style: none; margin: 0; padding: 0; border: 1px solid var(--line); border-radius: .75rem; overflow: hidden; }
li { display: grid; grid-template-columns: 5.5rem 1fr auto; gap: .25rem 1rem; padding: .8rem 1rem; }
li + li { border-top: 1px solid var(--line); }
.badge { align-self: start; justify-self: start; padding: .1rem .6rem; border-radius: 1rem; font-size: .82rem; font-weight: 600; }
.promise { font-weight: 500; }
.took { color: var(--soft); font-size: .85rem; font-variant-numeric: tabular-nums; white-space: nowrap; }
.more { grid-column: 2 / -1; color: var(--soft); font-size: .9rem; overflow-wrap: anywhere; }
code { font: .85em ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
footer { margin-top: 3rem; color: var(--soft); font-size: .9rem; }
@media (max-width: 36rem) { main { padding: 1.5rem 1rem 3rem; } li { grid-template-columns: 1fr auto; }
  .promise, .more { grid-column: 1 / -1; } }
@media print { main { padding: 0; } li { break-inside: avoid; } }
`

/** A complete HTML document. */
export const pageOf = (report: Report): string => {
  const good = isVerified(report)
  const facts = factsOf(report).map(([name, value]) => `<div><dt>${htmlOf(name)}</dt><dd>${htmlOf(value)}</dd></div>`)
  const groups = Array.from(groupsOf(report), ([group, checks]) => {
    const items = checks.map(
      ({ millis, name, passed, promise, seen }) => `<li>
  <span class="badge ${passed ? "good" : "bad"}">${passed ? "passed" : "failed"}</span>
  <span class="promise">${htmlOf(promise)}</span>
  <span class="took">${duration(millis)}</span>
  <span class="more"><code>${htmlOf(name)}</code> · ${htmlOf(seen)}</span>
</li>`,
    )
    return `<section><h2>${htmlOf(TITLES[group] ?? group)}</h2><ol>${items.join("\n")}</ol></section>`
  })
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Verification of ${htmlOf(report.subject)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<header><p>Paceline device bridge · verification report</p><h1>${htmlOf(report.subject)}</h1></header>
<p class="verdict ${good ? "good" : "bad"}"><span class="mark">${good ? "✓" : "✗"}</span>${htmlOf(verdict(report))}</p>
<dl>${facts.join("")}</dl>
${groups.join("\n")}
<footer>${footerOf(report)}</footer>
</main>
</body>
</html>
`
}

const footerOf = ({ checks, seed }: Report): string =>
  checks.some(({ name }) => name.startsWith("listen/"))
    ? "Tried from the server's side with <code>npx @paceline/device-bridge verify --listen</code>"
    : `Do the same again: <code>npx @paceline/device-bridge verify --seed ${seed}</code>`
