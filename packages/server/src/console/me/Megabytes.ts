/** Sizes as people read them. */

/** Such as `12 kB` or `3.4 MB`, in thousands. */
export const megabytesOf = (bytes: number): string =>
  bytes < 1_000_000 ? `${Math.ceil(bytes / 1000)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`
