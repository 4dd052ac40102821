/**
 * The leases of consumer groups on partitions, decided by `kernel/messaging/PartitionAssignment`.
 *
 * One process owns the file, so who lives is known in memory, by a clock that does not jump: a heartbeat that changes
 * nothing costs no write. Leases and the last epoch are on the disk. After a crash nobody lives, so what was held is
 * taken over at the first heartbeat; epochs go on growing, also when a group was forgotten.
 */
import { PartitionAssignment } from "@paceline/core/kernel"
import type { EventLog } from "@paceline/core/messaging"
import type { Database } from "./Database.ts"

interface LeaseRow {
  readonly partition: number
  readonly epoch: number
  readonly holder: string | null
  readonly taken_over: number
}

const SQL = {
  leases: `SELECT partition, epoch, holder, taken_over FROM partition_lease WHERE consumer_group = ? AND topic = ?`,
  lease: `SELECT partition, epoch, holder, taken_over FROM partition_lease
    WHERE consumer_group = ? AND topic = ? AND partition = ?`,
  keep: `INSERT INTO partition_lease (consumer_group, topic, partition, epoch, holder, taken_over)
    VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET epoch = excluded.epoch, holder = excluded.holder, taken_over = excluded.taken_over`,
  forget: `DELETE FROM partition_lease WHERE consumer_group = ? AND topic = ?`,
  lastEpoch: `SELECT last FROM lease_epoch`,
  keepEpoch: `UPDATE lease_epoch SET last = ?`,
} as const

export const prepareLeases = (database: Database) => ({
  leases: database.prepare<LeaseRow>(SQL.leases),
  lease: database.prepare<LeaseRow>(SQL.lease),
  keep: database.prepare(SQL.keep),
  forget: database.prepare(SQL.forget),
  lastEpoch: database.prepare<{ last: number }>(SQL.lastEpoch),
  keepEpoch: database.prepare(SQL.keepEpoch),
})

export type LeaseStatements = ReturnType<typeof prepareLeases>

const toLease = (row: LeaseRow): PartitionAssignment.Lease => ({
  epoch: row.epoch,
  holder: row.holder ?? undefined,
  takenOver: row.taken_over !== 0,
})

const groupKey = (group: string, topic: string): string => JSON.stringify([group, topic])

/** What a heartbeat finds, and what would have to be stored. */
export interface Beat {
  readonly changes: ReadonlyArray<PartitionAssignment.Changed>
  readonly lastEpoch: number
  readonly held: ReadonlyArray<EventLog.PartitionLease>
}

export class GroupLeases {
  /** Until when each member of a group lives, in milliseconds of a clock that does not jump. */
  readonly #members = new Map<string, Map<string, number>>()

  /** Notes that a member lives. */
  note({ group, member, topic }: EventLog.Member, untilMs: number): void {
    const key = groupKey(group, topic)
    const members = this.#members.get(key) ?? new Map<string, number>()
    this.#members.set(key, members.set(member, untilMs))
  }

  /** What the heartbeat of a member brings about. */
  beat(
    statements: LeaseStatements,
    { group, member, topic }: EventLog.Member,
    partitions: number,
    nowMs: number,
  ): Beat {
    const leases = this.#leases(statements, group, topic, partitions)
    const before = statements.lastEpoch.get()?.last ?? 0
    const { changes, held, lastEpoch } = PartitionAssignment.heartbeat(
      leases,
      this.#living(group, topic, nowMs),
      member,
      before,
    )
    return {
      changes,
      lastEpoch,
      held: held.map(({ lease: { epoch, takenOver }, partition }) => ({ partition, epoch, takenOver })),
    }
  }

  keep(statements: LeaseStatements, { group, topic }: EventLog.Member, { changes, lastEpoch }: Beat): void {
    statements.keepEpoch.run(lastEpoch)
    this.#keep(statements, group, topic, changes)
  }

  /** Gives back what the member holds. */
  leave(statements: LeaseStatements, { group, member, topic }: EventLog.Member, partitions: number): void {
    const leases = this.#leases(statements, group, topic, partitions)
    this.#keep(statements, group, topic, PartitionAssignment.leave(leases, member))
  }

  /** The member no longer counts. */
  forgetMember({ group, member, topic }: EventLog.Member): void {
    const key = groupKey(group, topic)
    const members = this.#members.get(key)
    members?.delete(member)
    if (members?.size === 0) this.#members.delete(key)
  }

  forgetGroup(group: string, topic: string): void {
    this.#members.delete(groupKey(group, topic))
  }

  isInForce(statements: LeaseStatements, group: string, topic: string, partition: number, epoch: number): boolean {
    const row = statements.lease.get(group, topic, partition)
    return PartitionAssignment.isInForce(row === null ? undefined : toLease(row), epoch)
  }

  #keep(
    statements: LeaseStatements,
    group: string,
    topic: string,
    changes: ReadonlyArray<PartitionAssignment.Changed>,
  ): void {
    for (const { lease, partition } of changes) {
      statements.keep.run(group, topic, partition, lease.epoch, lease.holder ?? null, lease.takenOver)
    }
  }

  #leases(statements: LeaseStatements, group: string, topic: string, partitions: number): PartitionAssignment.Leases {
    const leases = Array.from({ length: partitions }, (): PartitionAssignment.Lease | undefined => undefined)
    for (const row of statements.leases.all(group, topic)) leases[row.partition] = toLease(row)
    return leases
  }

  /** Members whose time is over are forgotten: a member's name is never used again. */
  #living(group: string, topic: string, nowMs: number): ReadonlyArray<string> {
    const members = this.#members.get(groupKey(group, topic))
    for (const [member, untilMs] of members ?? []) {
      if (untilMs <= nowMs) members?.delete(member)
    }
    return Array.from(members?.keys() ?? [])
  }
}
