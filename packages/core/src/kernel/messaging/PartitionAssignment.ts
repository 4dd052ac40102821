/**
 * Which member of a consumer group works on which partition.
 *
 * The partitions are shared out evenly among the members that live: nobody has two more than another. As few as
 * possible change hands. A partition goes to another member only when its holder has given it back, at a heartbeat of
 * its own, or no longer lives; then it gets a new epoch, greater than all before, and what the old holder still does
 * under the old one is refused.
 *
 * Members learn of each other through the leases, which the store keeps: each decides at its own heartbeat, with the
 * same function of the same state, so no member leads. Plain data; the store's clock says who lives.
 *
 * @example
 * const beat = PartitionAssignment.heartbeat(leases, ["a", "b"], "a", lastEpoch)
 * for (const { lease, partition } of beat.changes) store(partition, lease)
 */

export interface Lease {
  /** Greater than that of every lease before it. */
  readonly epoch: number
  /** Undefined after it was given back. */
  readonly holder: string | undefined
  /** The holder before this one did not give it back. */
  readonly takenOver: boolean
}

/** The lease of each partition, by number; undefined for one that was never held. */
export type Leases = ReadonlyArray<Lease | undefined>

export interface Changed {
  readonly partition: number
  readonly lease: Lease
}

export interface Heartbeat {
  /** What the store has to keep from now on; empty when nothing changed. */
  readonly changes: ReadonlyArray<Changed>
  /** The newest epoch that was given out. */
  readonly lastEpoch: number
  /** What the member holds now, by partition. */
  readonly held: ReadonlyArray<Changed>
}

/** Names in the order of their code units, so that every process sorts alike. */
const byName = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/**
 * The member that each partition should go to, by partition; empty when there are no members. Members keep what they
 * hold as far as an even share allows, and those who hold most have the larger shares.
 */
export const shares = (leases: Leases, members: ReadonlyArray<string>): ReadonlyArray<string> => {
  const names = Array.from(new Set(members)).toSorted(byName)
  if (names.length === 0) return []
  const holds = new Map(names.map((name) => [name, 0]))
  for (const lease of leases) {
    const count = lease?.holder === undefined ? undefined : holds.get(lease.holder)
    if (lease?.holder !== undefined && count !== undefined) holds.set(lease.holder, count + 1)
  }
  const smaller = Math.floor(leases.length / names.length)
  const larger = leases.length % names.length
  const room = new Map(
    names
      .toSorted((a, b) => (holds.get(b) ?? 0) - (holds.get(a) ?? 0) || byName(a, b))
      .map((name, i) => [name, smaller + (i < larger ? 1 : 0)]),
  )
  const takes = (name: string): boolean => {
    const left = room.get(name) ?? 0
    room.set(name, left - 1)
    return left > 0
  }
  const kept = leases.map((lease) =>
    lease?.holder !== undefined && room.has(lease.holder) && takes(lease.holder) ? lease.holder : undefined,
  )
  const free = names.flatMap((name) => Array.from({ length: Math.max(0, room.get(name) ?? 0) }, () => name))
  let next = 0
  return kept.flatMap((name) => name ?? free[next++] ?? [])
}

/**
 * What changes with a sign of life of `member`: it gives back what should be another's, and takes what should be its
 * own and is nobody's.
 *
 * @param living all members whose time is not over, `member` among them or not
 * @param lastEpoch the newest epoch that was ever given out
 */
export const heartbeat = (
  leases: Leases,
  living: ReadonlyArray<string>,
  member: string,
  lastEpoch: number,
): Heartbeat => {
  const members = new Set(living).add(member)
  const owners = shares(leases, Array.from(members))
  const changes: Array<Changed> = []
  const held: Array<Changed> = []
  let epoch = lastEpoch
  leases.forEach((lease, partition) => {
    const mine = owners[partition] === member
    if (lease?.holder === member) {
      if (mine) held.push({ partition, lease })
      else changes.push({ partition, lease: { ...lease, holder: undefined } })
    } else if (mine && (lease?.holder === undefined || !members.has(lease.holder))) {
      const taken = { partition, lease: { epoch: ++epoch, holder: member, takenOver: lease?.holder !== undefined } }
      changes.push(taken)
      held.push(taken)
    }
  })
  return { changes, lastEpoch: epoch, held }
}

/** What changes when a member leaves: all that it holds is given back. */
export const leave = (leases: Leases, member: string): ReadonlyArray<Changed> =>
  leases.flatMap((lease, partition) =>
    lease?.holder === member ? [{ partition, lease: { ...lease, holder: undefined } }] : [],
  )

/** Whether work under this epoch may still commit: the lease is in force, and was not given back. */
export const isInForce = (lease: Lease | undefined, epoch: number): boolean =>
  lease !== undefined && lease.holder !== undefined && lease.epoch === epoch
