/**
 * The worker's end of the bridge in a browser: the whole bridge, on the origin's private files.
 *
 * @example
 * // the program of the worker, and all of it
 * import { serveBridge } from "@paceline/device-bridge/browser/worker"
 * serveBridge()
 */
import { OpenBridge } from "../bridge/OpenBridge.ts"
import { BufferOwned, bufferError } from "../buffer/Errors.ts"
import { SqliteFailure } from "../drivers/SqliteDriver.ts"
import { type SqliteWasmDriver, sqliteWasm } from "../drivers/SqliteWasm.ts"
import { copiedError, type ToWorker } from "./Messages.ts"
import { BUFFER, ServedBridge, tell, tellEvent } from "./ServedBridge.ts"

/** Waits for a page to open a bridge, and serves it until it closes. For the whole program of a worker. */
export const serveBridge = (): void => {
  let opened: ServedBridge | null = null
  const receive = async (message: ToWorker): Promise<void> => {
    switch (message._tag) {
      case "Open":
        try {
          opened = await open(message)
          tell({ _tag: "Opened", status: opened.bridge.status() })
        } catch (thrown) {
          tell({ _tag: "OpenFailed", failure: copiedError(thrown) })
        }
        return
      case "Key":
        return keys.get(message.id)?.resolve(message.key)
      case "NoKey":
        return keys.get(message.id)?.reject(new Error(message.message))
      case "Call":
        return opened?.answer(message.id, message.call)
      default:
        return opened?.take(message)
    }
  }
  addEventListener("message", ({ data }: MessageEvent<ToWorker>) => void receive(data))
}

const open = async ({
  store,
  wasmUrl,
  options,
  marker,
}: Extract<ToWorker, { _tag: "Open" }>): Promise<ServedBridge> => {
  const driver = await own(store, wasmUrl)
  if (marker !== null && !driver.exists(BUFFER)) {
    tellEvent({ _tag: "StorageEvicted", store, lastSeenAtMs: marker.atMs, lost: marker.waiting })
  }
  try {
    return new ServedBridge(driver, (watched) => {
      return new OpenBridge({ ...options, key: askKey, path: BUFFER, driver: watched, onEvent: tellEvent })
    })
  } catch (thrown) {
    await driver.release()
    throw thrown
  }
}

const own = async (store: string, wasmUrl: string | null): Promise<SqliteWasmDriver> => {
  try {
    return await sqliteWasm({ store, ...(wasmUrl === null ? {} : { wasmUrl }) })
  } catch (thrown) {
    if (thrown instanceof SqliteFailure && thrown.code === "SQLITE_BUSY") throw new BufferOwned(store, null)
    throw bufferError(store, thrown)
  }
}

const keys = new Map<number, { resolve: (key: string) => void; reject: (error: Error) => void }>()
let lastKey = 0

/** Asks the page for the key. */
const askKey = async (): Promise<string> => {
  const id = ++lastKey
  try {
    return await new Promise<string>((resolve, reject) => {
      keys.set(id, { resolve, reject })
      tell({ _tag: "KeyWanted", id })
    })
  } finally {
    keys.delete(id)
  }
}
