/**
 * Where a consumer group keeps what belongs to it, in the `AggregateStore`.
 *
 * Group and topic are escaped, so that a `/` in a name makes no other kind; usual names look as they are.
 */
const path = (...parts: ReadonlyArray<string>): string => parts.map(encodeURIComponent).join("/")

/** One aggregate for each parked key of a partition. */
export const parked = (group: string, topic: string, partition: number): string =>
  path("parked", group, topic, `${partition}`)

/** One aggregate for each dead letter. */
export const deadLetters = (group: string, topic: string): string => path("dead-letter", group, topic)

/** One aggregate for each partition that is gone through with care. */
export const suspicion = (group: string, topic: string): string => path("suspicion", group, topic)

/** One aggregate for each partition of which a group missed or gave up something. */
export const missed = (group: string, topic: string): string => path("missed", group, topic)

/** What the kinds of all groups' parked keys begin with. */
export const allParked = "parked/"

/** What the kinds of all groups' dead letters begin with. */
export const allDeadLetters = "dead-letter/"

/** The group and the topic of a kind of dead letters. */
export const groupAndTopic = (kind: string): { readonly group: string; readonly topic: string } => {
  const [, group = "", topic = ""] = kind.split("/").map(decodeURIComponent)
  return { group, topic }
}
