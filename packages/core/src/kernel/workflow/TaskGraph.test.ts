import { describe, expect, it } from "@effect/vitest"
import fc from "fast-check"
import * as TaskGraph from "./TaskGraph.ts"

const statuses = (state: TaskGraph.State) =>
  Object.fromEntries(Object.entries(state).map(([task, { status }]) => [task, status]))

describe("TaskGraph", () => {
  const graph = TaskGraph.make({
    left: {},
    right: {},
    both: { left: "success", right: "success" },
    after: { both: "success" },
    alarm: { after: "failure" },
    tidy: { after: "always" },
  })

  it("[log 37] a task waits for all its parents", () => {
    let state = TaskGraph.start(graph)
    expect(TaskGraph.ready(graph, state)).toEqual(["left", "right"])
    state = TaskGraph.end(graph, state, "left", "succeeded")
    expect(TaskGraph.ready(graph, state)).toEqual(["right"])
    state = TaskGraph.end(graph, state, "right", "succeeded")
    expect(TaskGraph.ready(graph, state)).toEqual(["both"])
  })

  it("[log 37] a parent's failure goes on to all that depend on it, and names itself", () => {
    let state = TaskGraph.end(graph, TaskGraph.start(graph), "left", "failed")
    expect(TaskGraph.outcome(graph, state)).toBeUndefined()
    state = TaskGraph.end(graph, state, "right", "succeeded")
    expect(state["both"]).toEqual({ status: "upstream-failed", cause: "left" })
    expect(state["after"]).toEqual({ status: "upstream-failed", cause: "left" })
    expect(TaskGraph.ready(graph, state)).toEqual(["alarm", "tidy"])
    for (const task of ["alarm", "tidy"]) state = TaskGraph.end(graph, state, task, "succeeded")
    expect(TaskGraph.outcome(graph, state)).toBe("failed")
  })

  it("[log 37] what waits for a failure is not needed when there is none", () => {
    let state = TaskGraph.start(graph)
    for (const task of ["left", "right", "both", "after", "tidy"])
      state = TaskGraph.end(graph, state, task, "succeeded")
    expect(statuses(state)).toMatchObject({ alarm: "not-needed", tidy: "succeeded" })
    expect(TaskGraph.outcome(graph, state)).toBe("succeeded")
  })

  it("refuses tasks that wait for each other, and names the cycle", () => {
    const cyclic = { a: {}, b: { a: "success", d: "success" }, c: { b: "always" }, d: { c: "failure" } } as const
    expect(() => TaskGraph.make(cyclic)).toThrow("b → d → c → b")
    expect(() => TaskGraph.make({ a: { a: "success" } })).toThrow("a → a")
    expect(() => TaskGraph.make({ a: { gone: "success" } })).toThrow('"a" waits for "gone", which does not exist')
  })

  it("[log 37] comes to an end whatever happens, with each task begun only after its parents, and in any order", () => {
    const condition = fc.constantFrom("success" as const, "failure" as const, "always" as const)
    const graphs = fc
      .array(fc.array(fc.tuple(fc.nat(), condition), { maxLength: 3 }), { minLength: 1, maxLength: 12 })
      .map((tasks) =>
        Object.fromEntries(
          tasks.map((parents, index) => [
            `t${index}`,
            Object.fromEntries(index === 0 ? [] : parents.map(([parent, when]) => [`t${parent % index}`, when])),
          ]),
        ),
      )
    fc.assert(
      fc.property(graphs, fc.infiniteStream(fc.tuple(fc.nat(), fc.boolean())), (dependencies, draws) => {
        const graph = TaskGraph.make(dependencies)
        let state = TaskGraph.start(graph)
        const begun = new Set<string>()
        for (let ready = TaskGraph.ready(graph, state); ready.length > 0; ready = TaskGraph.ready(graph, state)) {
          const [pick, fails] = draws.next().value
          const task = ready[pick % ready.length]!
          for (const parent of Object.keys(dependencies[task]!)) expect(state[parent]!.status).not.toBe("waiting")
          expect(begun.has(task)).toBe(false)
          begun.add(task)
          state = TaskGraph.end(graph, state, task, fails ? "failed" : "succeeded")
        }
        expect(TaskGraph.outcome(graph, state)).toBeDefined()
      }),
    )
  })
})
