/**
 * Tasks that wait for others: which may begin, and what an outcome means for those that come after.
 *
 * A task waits until all its parents have ended. Each says on which outcome of the parent it depends: `"success"` (the
 * usual), `"failure"` (to clean up, to tell somebody) or `"always"`. When all have ended and each condition holds, it is
 * ready. Otherwise it never runs, and how it ends says why:
 *
 * - `"upstream-failed"`: it needed a success, and the parent failed, or was itself `"upstream-failed"`. So a failure
 *   goes on to all that depend on it, and names where it came from.
 * - `"not-needed"`: it waited for a failure that did not come, or needed a task that was itself not needed.
 *
 * For whoever waits for a `"failure"`, `"upstream-failed"` is one too.
 *
 * @example
 * const graph = TaskGraph.make({ extract: {}, load: { extract: "success" }, alarm: { load: "failure" } })
 * let state = TaskGraph.start(graph)
 * TaskGraph.ready(graph, state) // ["extract"]
 * state = TaskGraph.end(graph, state, "extract", "failed")
 * state.load.status // "upstream-failed"
 * TaskGraph.ready(graph, state) // ["alarm"]
 */

export type Condition = "success" | "failure" | "always"

/** Each task's parents, and on which of their outcomes it depends. */
export type Dependencies = Readonly<Record<string, Readonly<Record<string, Condition>>>>

export interface TaskGraph {
  readonly dependencies: Dependencies
  /** Parents before children; otherwise in the order given. */
  readonly order: ReadonlyArray<string>
}

export type Ended = "succeeded" | "failed"

export type TaskState =
  | { readonly status: "waiting" | "not-needed" | Ended }
  /** `cause` is the task that failed. */
  | { readonly status: "upstream-failed"; readonly cause: string }

/** Where each task stands. Plain JSON. */
export type State = Readonly<Record<string, TaskState>>

/** A task depends on one that does not exist, or on itself by way of others: `path` leads from it back to it. */
export class GraphError extends Error {
  override readonly name = "GraphError"
  readonly path: ReadonlyArray<string>
  constructor(message: string, path: ReadonlyArray<string>) {
    super(message)
    this.path = path
  }
}

/** @throws GraphError when a parent is missing, or the tasks wait for each other in a cycle. */
export const make = (dependencies: Dependencies): TaskGraph => {
  const order: Array<string> = []
  const done = new Set<string>()
  const visit = (task: string, path: ReadonlyArray<string>): void => {
    if (done.has(task)) return
    const begun = path.indexOf(task)
    if (begun !== -1) {
      const cycle = [...path.slice(begun), task]
      throw new GraphError(`The tasks wait for each other: ${cycle.join(" → ")}`, cycle)
    }
    const parents = dependencies[task]
    if (parents === undefined) {
      throw new GraphError(`The task "${path.at(-1)}" waits for "${task}", which does not exist`, [
        ...path.slice(-1),
        task,
      ])
    }
    for (const parent of Object.keys(parents)) visit(parent, [...path, task])
    done.add(task)
    order.push(task)
  }
  for (const task of Object.keys(dependencies)) visit(task, [])
  return { dependencies, order }
}

export const start = (graph: TaskGraph): State =>
  Object.fromEntries(graph.order.map((task) => [task, { status: "waiting" }]))

/** The tasks that may begin: all their parents have ended as they should. In order. */
export const ready = (graph: TaskGraph, state: State): ReadonlyArray<string> =>
  graph.order.filter((task) => statusOf(state, task) === "waiting" && verdict(graph, state, task) === "ready")

/** Notes how a task ended, and what that means for those after it. What has ended does not change. */
export const end = (graph: TaskGraph, state: State, task: string, outcome: Ended): State => {
  if (statusOf(state, task) !== "waiting") return state
  const next: Record<string, TaskState> = { ...state, [task]: { status: outcome } }
  // Parents come first, so one pass carries a failure all the way.
  for (const later of graph.order) {
    if (statusOf(next, later) !== "waiting") continue
    const found = verdict(graph, next, later)
    if (typeof found === "object") next[later] = found
  }
  return next
}

/** Whether all tasks have ended, and if so whether one failed; undefined while some wait or run. */
export const outcome = (graph: TaskGraph, state: State): Ended | undefined => {
  const statuses = graph.order.map((task) => statusOf(state, task))
  if (statuses.includes("waiting")) return undefined
  return statuses.includes("failed") ? "failed" : "succeeded"
}

const statusOf = (state: State, task: string): TaskState["status"] => state[task]?.status ?? "waiting"

/** What the parents' outcomes mean for a task that waits. */
const verdict = (graph: TaskGraph, state: State, task: string): "waits" | "ready" | TaskState => {
  const parents = Object.entries(graph.dependencies[task] ?? {})
  if (parents.some(([parent]) => statusOf(state, parent) === "waiting")) return "waits"
  let notNeeded = false
  for (const [parent, condition] of parents) {
    const ended = state[parent]
    if (ended === undefined || condition === "always") continue
    const failed = ended.status === "failed" || ended.status === "upstream-failed"
    if (condition === "success" && failed) {
      return { status: "upstream-failed", cause: ended.status === "upstream-failed" ? ended.cause : parent }
    }
    if (ended.status === "not-needed" || failed !== (condition === "failure")) notNeeded = true
  }
  return notNeeded ? { status: "not-needed" } : "ready"
}
