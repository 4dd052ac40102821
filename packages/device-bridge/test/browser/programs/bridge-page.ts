/** A page with a bridge, whose parts a test finds on `window`. */
import { type BrowserBridge, type BrowserBridgeEvent, openBrowserBridge } from "../../../src/browser/index.ts"

export interface PageWithBridge {
  bridge: BrowserBridge | null
  readonly events: Array<BrowserBridgeEvent>
  /** How often the bridge asked for the key. */
  keysGiven: number
  /** Opens the bridge; gives null, or the tag of what was thrown. */
  readonly openBridge: (options: {
    url: string
    deviceId: string
    key: string
    store: string
    flushMillis?: number
  }) => Promise<string | null>
  /** Records the values `from` to before `to`, as power of strap-01 at that millisecond. */
  readonly record: (from: number, to: number) => void
}

const page: PageWithBridge = {
  bridge: null,
  events: [],
  keysGiven: 0,
  openBridge: async (options) => {
    try {
      const worker = new Worker("/bridge-worker.js", { type: "module" })
      page.bridge = await openBrowserBridge({
        ...options,
        key: async () => {
          page.keysGiven++
          return options.key
        },
        worker,
        wasmUrl: "/sqlite3.wasm",
        onEvent: (event) => page.events.push(event),
      })
      return null
    } catch (thrown) {
      return thrown instanceof Error && "_tag" in thrown ? `${thrown._tag}: ${thrown.message}` : String(thrown)
    }
  },
  record: (from, to) => {
    for (let value = from; value < to; value++) page.bridge?.record("strap-01", "power", value, value)
  },
}

Object.assign(window, { page })
