/**
 * The athlete's key, from the page's address: `/me#key=…`. What stands behind the `#` never leaves the browser.
 */

/** The key in a fragment such as `#key=abc`, or in a whole link, or as it is; null when there is none. */
export const keyIn = (text: string): string | null => {
  const trimmed = text.trim()
  const fragment = trimmed.includes("#") ? trimmed.slice(trimmed.indexOf("#") + 1) : trimmed
  const key = new URLSearchParams(fragment).get("key") ?? (trimmed.includes("#") ? "" : fragment)
  return /^[\x21-\x7e]+$/.test(key) ? key : null
}

/** The receipt of an erasure in a fragment such as `#receipt=abc`; null when there is none. */
export const receiptIn = (fragment: string): string | null => {
  const receipt = new URLSearchParams(fragment.replace(/^#/, "")).get("receipt")
  return receipt !== null && /^[\w-]+$/.test(receipt) ? receipt : null
}

/** The fragment that holds the receipt of an erasure, in place of the key. */
export const fragmentOfReceipt = (receipt: string): string => `#${new URLSearchParams({ receipt }).toString()}`

/** The fragment that holds the key. */
export const fragmentOf = (key: string): string => `#${new URLSearchParams({ key }).toString()}`
