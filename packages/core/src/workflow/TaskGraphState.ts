/** What is stored of a task graph's run. */
import { Effect, Schema } from "effect"
import * as Kernel from "../kernel/workflow/TaskGraph.ts"

const TaskState = Schema.Union(
  Schema.Struct({ status: Schema.Literal("waiting", "not-needed", "succeeded", "failed") }),
  Schema.Struct({ status: Schema.Literal("upstream-failed"), cause: Schema.String }),
)

const Run = Schema.Struct({
  tasks: Schema.Record({ key: Schema.String, value: TaskState }),
  /** Attempts begun, by task. */
  begun: Schema.Record({ key: Schema.String, value: Schema.Int }),
  /** What went wrong last, in words, by task. */
  errors: Schema.Record({ key: Schema.String, value: Schema.String }),
})

export type Run = typeof Run.Type

// What this library wrote itself, and cannot read, is a defect.
export const read = (state: unknown): Effect.Effect<Run> => Effect.orDie(Schema.decodeUnknown(Run)(state))

export const kindOf = (graph: string): string => `task-graph/${graph}`

export const begin = (graph: Kernel.TaskGraph): Run => ({ tasks: Kernel.start(graph), begun: {}, errors: {} })

/** One more attempt of a task is about to begin. */
export const attempt = (run: Run, task: string): Run => ({
  ...run,
  begun: { ...run.begun, [task]: (run.begun[task] ?? 0) + 1 },
})

/** The attempt that has just failed does not count. */
export const withdrawn = (run: Run, task: string): Run => ({
  ...run,
  begun: { ...run.begun, [task]: Math.max(0, (run.begun[task] ?? 0) - 1) },
})

export const failed = (run: Run, task: string, error: string): Run => ({
  ...run,
  errors: { ...run.errors, [task]: error },
})

export const end = (graph: Kernel.TaskGraph, run: Run, task: string, outcome: Kernel.Ended): Run => ({
  ...run,
  tasks: Kernel.end(graph, run.tasks, task, outcome),
})
