/**
 * The bridge in a browser: a page records, and a worker beside it writes to the origin's private files and delivers.
 *
 * Recording goes on where it was when the page is reloaded, killed, or opened again a week later without a network.
 * One tab owns a store at a time; the next is told so with `BufferOwned`.
 *
 * @example
 * // bridge-worker.ts
 * import { serveBridge } from "@paceline/device-bridge/browser/worker"
 * serveBridge()
 *
 * // the page
 * import { openBrowserBridge } from "@paceline/device-bridge/browser"
 * const bridge = await openBrowserBridge({
 *   worker: new Worker(new URL("./bridge-worker.ts", import.meta.url), { type: "module" }),
 *   url: location.origin,
 *   deviceId,
 *   key,
 * })
 * bridge.record("strap-07", "heartRate", Date.now(), 128)
 * await bridge.flush() // it is in the browser's storage: see docs/drivers.md for what that is worth
 */

import type { BrowserBridge, BrowserBridgeOptions } from "./BrowserBridge.ts"
import { PageBridge } from "./PageBridge.ts"

export type { BrowserBridge, BrowserBridgeEvent, BrowserBridgeOptions } from "./BrowserBridge.ts"
export { BridgeFailure, type StorageEvicted, type WaitingRange } from "./Messages.ts"

/**
 * Opens the store in the worker, and asks the browser to keep it.
 *
 * @throws BridgeFailure: `BufferOwned` when another tab has the store, `BufferFailed` where the browser has no such
 *   storage (it needs https or localhost), `BufferTooNew`, `BufferFull`; `WorkerFailed` when the worker does not load
 */
export const openBrowserBridge = async (options: BrowserBridgeOptions): Promise<BrowserBridge> => {
  const bridge = new PageBridge(options)
  await bridge.opened
  return bridge
}
