/** Who of a consumer group lives, and which partitions each holds, as `kernel/messaging/PartitionAssignment` decides. */
import { PartitionAssignment } from "@paceline/core/kernel"
import type { EventLog } from "@paceline/core/messaging"

interface Group {
  leases: Array<PartitionAssignment.Lease | undefined>
  /** Until when each member lives, by the clock of `heartbeat`. */
  readonly livesUntilMs: Map<string, number>
}

export class GroupLeases {
  readonly #groups = new Map<string, Group>()
  /** Never given out twice, whatever is forgotten in between. */
  #lastEpoch = 0

  heartbeat(
    { group: name, member, topic }: EventLog.Member,
    partitions: number,
    ttlMillis: number,
    nowMs: number,
  ): ReadonlyArray<EventLog.PartitionLease> {
    const key = keyOf(name, topic)
    const group = this.#groups.get(key) ?? { leases: Array.from({ length: partitions }), livesUntilMs: new Map() }
    this.#groups.set(key, group)
    group.livesUntilMs.set(member, nowMs + ttlMillis)
    for (const [other, until] of group.livesUntilMs) {
      if (until <= nowMs && other !== member) group.livesUntilMs.delete(other)
    }
    const living = Array.from(group.livesUntilMs.keys())
    const beat = PartitionAssignment.heartbeat(group.leases, living, member, this.#lastEpoch)
    this.#lastEpoch = beat.lastEpoch
    keep(group, beat.changes)
    return beat.held.map(({ lease, partition }) => ({ partition, epoch: lease.epoch, takenOver: lease.takenOver }))
  }

  leave({ group: name, member, topic }: EventLog.Member): void {
    const group = this.#groups.get(keyOf(name, topic))
    if (group === undefined) return
    group.livesUntilMs.delete(member)
    keep(group, PartitionAssignment.leave(group.leases, member))
  }

  isInForce(group: string, topic: string, partition: number, epoch: number): boolean {
    return PartitionAssignment.isInForce(this.#groups.get(keyOf(group, topic))?.leases[partition], epoch)
  }

  forget(group: string, topic: string): void {
    this.#groups.delete(keyOf(group, topic))
  }
}

const keyOf = (group: string, topic: string): string => JSON.stringify([group, topic])

const keep = (group: Group, changes: ReadonlyArray<PartitionAssignment.Changed>): void => {
  for (const { lease, partition } of changes) group.leases[partition] = lease
}
