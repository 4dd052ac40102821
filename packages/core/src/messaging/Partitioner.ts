/**
 * Which partition a key belongs to. Stored data depends on it: the same key must give the same partition for
 * ever, on every adapter, so this function never changes.
 *
 * FNV-1a over the UTF-16 code units of the key, 32 bits (G. Fowler, L. C. Noll, K.-P. Vo; draft-eastlake-fnv).
 */
export const partitionOf = (key: string, partitions: number): number => {
  if (partitions === 1) return 0
  let hash = 0x811c9dc5
  for (let i = 0; i < key.length; i++) {
    hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193)
  }
  return (hash >>> 0) % partitions
}
