/** Bytes to occupy a disk with: random, because a file system that compresses would keep no room for zeros. */
export const noise = (bytes: number): Uint8Array<ArrayBuffer> => {
  const content = new Uint8Array(bytes)
  // The most that may be asked for at a time.
  for (let at = 0; at < bytes; at += 65_536) crypto.getRandomValues(content.subarray(at, at + 65_536))
  return content
}
