/**
 * One live channel: keyed values that change, each change with a sequence number.
 *
 * It remembers for each key only its last change, and for each removed key when it went. That is enough to bring
 * anyone who was here before up to date: all keys that changed after where they stand. Only when more keys were
 * removed than it remembers must an old watcher start again from a snapshot.
 *
 * Plain and synchronous; `LiveHub` decides when changes are sent.
 */
import { LiveFrame } from "@paceline/core/wire"

/** How many removed keys a channel remembers. */
const REMEMBERED_REMOVALS = 1024

export class LiveChannel {
  readonly name: string
  readonly epoch: string
  /** The sequence number of the newest change; 0 before the first. */
  head = 0
  /** Up to here changes were sent to those who watch. */
  #sent = 0
  /** In the order of their last change, oldest first. */
  readonly #values = new Map<string, { readonly seq: number; readonly value: unknown }>()
  readonly #removals = new Map<string, number>()
  /** Removals up to here may be forgotten. */
  #forgottenUpTo = 0
  #snapshot: { readonly seq: number; readonly bytes: Uint8Array<ArrayBuffer> } | null = null

  constructor(name: string, epoch: string) {
    this.name = name
    this.epoch = epoch
  }

  /** True when this was a change. A value equal to the one before is none. */
  set(key: string, value: unknown): boolean {
    const before = this.#values.get(key)
    if (before !== undefined && Bun.deepEquals(before.value, value, true)) return false
    this.head++
    // A Map keeps its first order: a snapshot has its keys in the order they came, not in that of their last change.
    this.#values.set(key, { seq: this.head, value })
    this.#removals.delete(key)
    return true
  }

  /** True when there was something to remove. */
  remove(key: string): boolean {
    if (!this.#values.delete(key)) return false
    this.head++
    this.#removals.set(key, this.head)
    if (this.#removals.size > REMEMBERED_REMOVALS) {
      for (const [oldest, seq] of this.#removals) {
        this.#removals.delete(oldest)
        this.#forgottenUpTo = seq
        break
      }
    }
    return true
  }

  /** The frame with all that changed since the last one, or null when nothing did. */
  takeChanges(): Uint8Array<ArrayBuffer> | null {
    if (this.head === this.#sent) return null
    const frame = this.#changesAfter(this.#sent)
    this.#sent = this.head
    return frame
  }

  /**
   * What a watcher who stands at `after` needs: only the changes when they are still known, else a snapshot.
   * Call it when nothing waits to be sent, so that the next frame follows on without a gap.
   */
  catchUp(after: LiveFrame.Position | null): Uint8Array<ArrayBuffer> {
    if (after === null || after.epoch !== this.epoch || after.seq > this.head || after.seq < this.#forgottenUpTo) {
      return this.#snapshotBytes()
    }
    return this.#changesAfter(after.seq)
  }

  #changesAfter(after: number): Uint8Array<ArrayBuffer> {
    const entries: Array<LiveFrame.Entry> = []
    for (const [key, { seq, value }] of this.#values) if (seq > after) entries.push([key, value])
    for (const [key, seq] of this.#removals) if (seq > after) entries.push([key, null])
    return LiveFrame.encode({
      _tag: "Changes",
      channel: this.name,
      epoch: this.epoch,
      after,
      to: this.head,
      head: this.head,
      entries,
    })
  }

  /** Encoded once for all who join at the same moment. */
  #snapshotBytes(): Uint8Array<ArrayBuffer> {
    if (this.#snapshot === null || this.#snapshot.seq !== this.head) {
      const bytes = LiveFrame.encode({
        _tag: "Snapshot",
        channel: this.name,
        at: { epoch: this.epoch, seq: this.head },
        entries: Array.from(this.#values, ([key, { value }]): LiveFrame.Entry => [key, value]),
      })
      this.#snapshot = { seq: this.head, bytes }
    }
    return this.#snapshot.bytes
  }
}
