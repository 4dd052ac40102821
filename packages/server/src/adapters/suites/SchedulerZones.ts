/** The part of the scheduler's suite that runs through the nights in which real zones change their clocks. */
import { expect } from "@effect/vitest"
import { Scheduler } from "@paceline/core/workflow"
import { Clock, Effect } from "effect"
import { type DueWorkTest, freshKind, jump, pass } from "./DueWorkServices.ts"

const MINUTE = 60_000

interface Night {
  readonly title: string
  readonly zone: string
  readonly cron: string
  /** When the test begins. */
  readonly from: string
  readonly hours: number
  readonly runs: ReadonlyArray<string>
}

const nights: ReadonlyArray<Night> = [
  {
    title: "Berlin in spring: 02:30 is missing, and runs at what is then 03:30",
    zone: "Europe/Berlin",
    cron: "30 2 * * *",
    from: "2026-03-28T23:00Z",
    hours: 27,
    runs: ["2026-03-29T01:30", "2026-03-30T00:30"],
  },
  {
    title: "Berlin in autumn: 02:30 comes twice, and runs the first time",
    zone: "Europe/Berlin",
    cron: "30 2 * * *",
    from: "2026-10-24T23:00Z",
    hours: 27,
    runs: ["2026-10-25T00:30", "2026-10-26T01:30"],
  },
  {
    title: "Berlin in autumn: what runs each half hour does not stop for an hour",
    zone: "Europe/Berlin",
    cron: "*/30 * * * *",
    from: "2026-10-24T23:50Z",
    hours: 2,
    runs: ["2026-10-25T00:00", "2026-10-25T00:30", "2026-10-25T01:00", "2026-10-25T01:30"],
  },
  {
    title: "New York in spring: 02:30 is missing, and runs at what is then 03:30",
    zone: "America/New_York",
    cron: "30 2 * * *",
    from: "2026-03-08T05:00Z",
    hours: 27,
    runs: ["2026-03-08T07:30", "2026-03-09T06:30"],
  },
  {
    title: "New York in autumn: 01:30 comes twice, and runs the first time",
    zone: "America/New_York",
    cron: "30 1 * * *",
    from: "2026-11-01T04:00Z",
    hours: 27,
    runs: ["2026-11-01T05:30", "2026-11-02T06:30"],
  },
  {
    title: "Lord Howe in spring: half an hour is missing, and 02:15 runs at what is then 02:45",
    zone: "Australia/Lord_Howe",
    cron: "15 2 * * *",
    from: "2026-10-03T14:00Z",
    hours: 26,
    runs: ["2026-10-03T15:45", "2026-10-04T15:15"],
  },
  {
    title: "Lord Howe in autumn: half an hour comes twice, and 01:45 runs the first time",
    zone: "Australia/Lord_Howe",
    cron: "45 1 * * *",
    from: "2026-04-04T14:00Z",
    hours: 26,
    runs: ["2026-04-04T14:45", "2026-04-05T15:15"],
  },
]

export const schedulerZones = (test: DueWorkTest): void => {
  for (const { cron, from, hours, runs, title, zone } of nights) {
    test(
      `[log 35] ${title}`,
      Effect.gen(function* () {
        yield* jump(Date.parse(from))
        const scheduler = yield* Scheduler.make({ name: freshKind("night") })
        const ran: Array<string> = []
        const ranAt: Array<number> = []
        yield* scheduler.task({
          name: "night",
          when: { cron, zone },
          run: ({ nominalMs }) =>
            Effect.map(Clock.currentTimeMillis, (now) => {
              ran.push(new Date(nominalMs).toISOString().slice(0, 16))
              ranAt.push(now - nominalMs)
            }),
        })
        yield* pass(hours * 60 * MINUTE, 15 * MINUTE)
        expect(ran).toEqual(runs)
        expect(ranAt.every((late) => late >= 0 && late <= 15 * MINUTE)).toBe(true)
      }),
    )
  }
}
