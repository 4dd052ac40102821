/** How numbers and times are written for people. */

const two = (value: number): string => String(value).padStart(2, "0")

/** `2026-11-20 18:00:01.250`, by this machine's clock. */
export const timeText = (atMs: number): string => {
  const at = new Date(atMs)
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`
  return `${day} ${time}.${String(at.getMilliseconds()).padStart(3, "0")}`
}

/** `1,234,567` */
export const countText = (count: number): string => String(count).replace(/\B(?=(\d{3})+$)/g, ",")

/** `12.3 MB`: a thousand bytes are a kilobyte. */
export const bytesText = (bytes: number): string => {
  const units = ["B", "kB", "MB", "GB", "TB"]
  const power = Math.min(units.length - 1, bytes < 1 ? 0 : Math.floor(Math.log10(bytes) / 3))
  return `${power === 0 ? bytes : (bytes / 1000 ** power).toFixed(1)} ${units[power]}`
}

/** `1 record`, `2 records` */
export const plural = (count: number, singular: string): string =>
  `${countText(count)} ${singular}${count === 1 ? "" : "s"}`
