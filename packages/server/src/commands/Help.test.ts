import * as CliConfig from "@effect/cli/CliConfig"
import * as Command from "@effect/cli/Command"
import * as CommandDescriptor from "@effect/cli/CommandDescriptor"
import * as HelpDoc from "@effect/cli/HelpDoc"
import { Effect, HashMap } from "effect"
import { describe, expect, it } from "vitest"
import * as AthleteCommands from "./AthleteCommands.ts"
import * as CommandLine from "./CommandLine.ts"
import * as Help from "./Help.ts"
import * as OperationsCommands from "./OperationsCommands.ts"

const flagsOf = (command: CommandDescriptor.Command<unknown>): ReadonlyArray<string> => {
  const text = HelpDoc.toAnsiText(
    CommandDescriptor.getHelp(command, { ...CliConfig.defaultConfig, showBuiltIns: false }),
  )
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape that makes text bold
  const plain = text.replace(/\u001b\[[0-9;]*m/g, "")
  return Array.from(plain.matchAll(/^(--[a-z-]+)/gm), ([, flag]) => flag!)
}

/** Every command that does something, by its words, with the flags that it takes. */
const commands = async (): Promise<Readonly<Record<string, ReadonlyArray<string>>>> => {
  const top = HashMap.toEntries(Command.getSubcommands(await Effect.runPromise(CommandLine.load)))
  const under = (group: string, inner: typeof top) =>
    inner.map(([name, command]): (typeof top)[number] => [`${group} ${name}`, command])
  const groups: Readonly<Record<string, typeof top>> = {
    device: HashMap.toEntries(Command.getSubcommands(CommandLine.device)),
    athlete: HashMap.toEntries(Command.getSubcommands(AthleteCommands.athlete)),
    log: HashMap.toEntries(Command.getSubcommands(OperationsCommands.log)),
    "dead-letters": HashMap.toEntries(Command.getSubcommands(OperationsCommands.deadLetters)),
  }
  const single = top.filter(([name]) => groups[name] === undefined)
  const grouped = Object.entries(groups).flatMap(([group, inner]) => under(group, inner))
  return Object.fromEntries([...single, ...grouped].map(([words, command]) => [words, flagsOf(command)]))
}

describe("Help", () => {
  it("has a page for each command, with exactly the flags that it takes", async () => {
    const taken = await commands()
    expect(Object.keys(taken).sort()).toEqual(Object.keys(Help.pages).sort())
    for (const [words, flags] of Object.entries(taken)) {
      const page = Help.pages[words]!
      const named = page.flags.map(([flag]) => flag.split(" ")[0]!).filter((flag) => flag !== "--log-level")
      expect([words, named.sort()]).toEqual([words, flags.toSorted()])
    }
  })

  it("shows the page of the command asked for, the pages of a group, and else the overview", () => {
    expect(Help.of(["serve"])).toContain("paceline serve [flags]")
    expect(Help.of(["device", "pair"])).toContain("--class ID")
    expect(Help.of(["device"])).toMatch(/device add[\s\S]+device list[\s\S]+device pair/)
    expect(Help.of([])).toMatch(/Commands\n {2}serve/)
    expect(Help.of(["nonsense"])).toBe(Help.of([]))
  })

  it("fits a terminal of 160 columns", () => {
    for (const words of [...Object.keys(Help.pages), ""]) {
      for (const line of Help.of(words.split(" ")).split("\n")) expect(line.length).toBeLessThanOrEqual(160)
    }
  })
})
