/**
 * Puts a bridge to sleep and wakes it with its application: on phones by React Native's `AppState`, in browsers by the
 * page's own events. What was recorded is on the disk before the system stops the application.
 *
 * @example
 * import { AppState } from "react-native"
 * const stop = followAppState(bridge, AppState)
 *
 * @example
 * const stop = followPage(bridge, { document, window })
 */
import type { Bridge } from "./Bridge.ts"

type Sleeper = Pick<Bridge, "flush" | "resume" | "suspend">

/** React Native's `AppState`, as far as it is needed. */
export interface AppStateLike {
  addEventListener(type: "change", listener: (state: string) => void): { remove(): void }
}

/**
 * Flushes when the application loses the focus, suspends the bridge when it goes to the background, and wakes it when
 * it comes back. Gives back how to stop that. A flush that fails is the bridge's event `WritingFailed`.
 */
export const followAppState = (bridge: Sleeper, appState: AppStateLike, deadlineMillis = 5_000): (() => void) => {
  const subscription = appState.addEventListener("change", (state) => {
    if (state === "active") bridge.resume()
    if (state === "inactive") inPeace(bridge.flush())
    if (state === "background") inPeace(bridge.suspend({ deadlineMillis }))
  })
  return () => subscription.remove()
}

/** A browser's `document` and `window`, as far as they are needed. */
export interface PageLike {
  readonly document: Events & { readonly visibilityState: string }
  readonly window: Events
}

interface Events {
  addEventListener(type: string, listener: () => void): void
  removeEventListener(type: string, listener: () => void): void
}

/**
 * Flushes when the page is hidden, which is the last thing that a phone's browser may tell; suspends the bridge when
 * the page is frozen or left (`freeze`, `pagehide`), and wakes it when it is there again (`resume`, `pageshow`, or
 * seen). Gives back how to stop that. A flush that fails is the bridge's event `WritingFailed`.
 *
 * @see https://developer.chrome.com/docs/web-platform/page-lifecycle-api
 */
export const followPage = (bridge: Sleeper, { document, window }: PageLike): (() => void) => {
  const wake = (): void => bridge.resume()
  const sleep = (): void => inPeace(bridge.suspend())
  const seen = (): void => (document.visibilityState === "visible" ? bridge.resume() : inPeace(bridge.flush()))
  const listeners: ReadonlyArray<readonly [Events, string, () => void]> = [
    [document, "visibilitychange", seen],
    [document, "freeze", sleep],
    [document, "resume", wake],
    [window, "pagehide", sleep],
    [window, "pageshow", wake],
  ]
  for (const [events, type, listener] of listeners) events.addEventListener(type, listener)
  return () => {
    for (const [events, type, listener] of listeners) events.removeEventListener(type, listener)
  }
}

/** The bridge has said already what failed. */
const inPeace = (work: Promise<void>): void => {
  work.catch(() => {})
}
