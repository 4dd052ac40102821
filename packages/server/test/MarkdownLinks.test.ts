/**
 * Every relative link of the repository's Markdown leads to a file that is there, and its anchor to a heading there.
 * Links to the web are not followed: a test needs no network.
 */
import { execFileSync } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"
import { dirname, join, resolve } from "node:path"
import { expect, test } from "vitest"

const root = resolve(import.meta.dirname, "../../..")

/** The text without what is shown as code, where nothing is a link. */
const prose = (markdown: string): string =>
  markdown.replace(/^( *)(```|~~~)[^\n]*\n[\s\S]*?^\1\2.*$/gm, "").replace(/`[^`\n]*`/g, "")

/** The anchors that a page's headings get, as GitHub makes them: the second of a name ends in `-1`. */
const anchorsOf = (markdown: string): ReadonlySet<string> => {
  const seen = new Map<string, number>()
  const withoutBlocks = markdown.replace(/^( *)(```|~~~)[^\n]*\n[\s\S]*?^\1\2.*$/gm, "")
  const anchors = Array.from(withoutBlocks.matchAll(/^#{1,6} +(.+?) *$/gm), ([, title = ""]) => {
    const text = title.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").toLowerCase()
    const anchor = text.replace(/[^\p{L}\p{M}\p{N}_ -]/gu, "").replaceAll(" ", "-")
    const before = seen.get(anchor) ?? 0
    seen.set(anchor, before + 1)
    return before === 0 ? anchor : `${anchor}-${before}`
  })
  return new Set(anchors)
}

/** Where a page's links lead that stay in the repository: `](path)`, `](path#anchor)`, `](#anchor)`. */
const linksOf = (markdown: string): ReadonlyArray<string> =>
  Array.from(prose(markdown).matchAll(/\]\(([^)\s]+)\)/g), ([, target = ""]) => target).filter(
    (target) => !/^[a-z][a-z+.-]*:/.test(target),
  )

/** What is wrong with a link of a page, or null. */
const fault = (page: string, link: string): string | null => {
  const [path = "", anchor] = link.split("#")
  const target = path === "" ? page : resolve(dirname(page), path)
  if (!existsSync(target)) return "no such file"
  if (anchor === undefined) return null
  return anchorsOf(readFileSync(target, "utf8")).has(anchor) ? null : "no such heading"
}

const pages = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "*.md"], {
  cwd: root,
  encoding: "utf8",
})
  .split("\n")
  .filter((path) => path !== "" && existsSync(join(root, path)))

test("every relative link leads somewhere", () => {
  const links = pages.flatMap((page) => {
    const path = join(root, page)
    return linksOf(readFileSync(path, "utf8")).map((link) => ({ page, link, fault: fault(path, link) }))
  })
  expect(pages).toContain("README.md")
  expect(links.length).toBeGreaterThan(50)
  expect(links.filter((link) => link.fault !== null)).toEqual([])
})

test("every page of docs is in their index", () => {
  const index = linksOf(readFileSync(join(root, "docs/README.md"), "utf8"))
  const docs = pages
    .filter((page) => /^docs\/(?!README)[^/]+\.md$/.test(page))
    .map((page) => page.slice("docs/".length))
  expect(docs.filter((page) => !index.includes(page))).toEqual([])
})

test("a dead link, a dead anchor and a link in code are told apart", () => {
  const page = join(root, "README.md")
  expect(fault(page, "docs/nothing.md")).toBe("no such file")
  expect(fault(page, "docs/limits.md#nothing")).toBe("no such heading")
  expect(fault(page, "docs/limits.md#behind-a-proxy")).toBeNull()
  expect(linksOf("[a](b.md) `[c](d.md)` [e](https://f.g)\n```\n[h](i.md)\n```\n")).toEqual(["b.md"])
  expect([...anchorsOf("# Where does a new … go?\n## Same\n## Same\n")]).toEqual([
    "where-does-a-new--go",
    "same",
    "same-1",
  ])
})
