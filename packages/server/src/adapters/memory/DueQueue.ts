/**
 * Which of many aggregates is due next: a binary heap by time, with the one that waits longest on top.
 *
 * An aggregate that changes is simply pushed again; an entry whose version is no longer the aggregate's is skipped when
 * it comes up. So nothing is searched, and undoing a change is one more push.
 */
export interface Due {
  readonly dueAtMs: number
  readonly id: string
  readonly version: number
}

export class DueQueue {
  readonly #heap: Array<Due> = []
  readonly #isCurrent: (due: Due) => boolean

  constructor(isCurrent: (due: Due) => boolean) {
    this.#isCurrent = isCurrent
  }

  push(due: Due): void {
    const heap = this.#heap
    let at = heap.length
    heap.push(due)
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = heap[parent]
      if (above === undefined || !before(due, above)) break
      heap[at] = above
      heap[parent] = due
      at = parent
    }
  }

  /** The one that is due first; it stays. */
  peek(): Due | undefined {
    while (this.#heap[0] !== undefined && !this.#isCurrent(this.#heap[0])) this.#removeTop()
    return this.#heap[0]
  }

  pop(): Due | undefined {
    const due = this.peek()
    if (due !== undefined) this.#removeTop()
    return due
  }

  #removeTop(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let at = 0
    while (true) {
      let child = 2 * at + 1
      const left = heap[child]
      if (left === undefined) break
      const right = heap[child + 1]
      if (right !== undefined && before(right, left)) child++
      const least = heap[child]
      if (least === undefined || !before(least, last)) break
      heap[at] = least
      at = child
    }
    heap[at] = last
  }
}

/** Of those due at the same time the ids decide, so that the order does not depend on how they came. */
const before = (a: Due, b: Due): boolean => a.dueAtMs < b.dueAtMs || (a.dueAtMs === b.dueAtMs && a.id < b.id)
