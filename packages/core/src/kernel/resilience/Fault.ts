/**
 * Sorts errors by what a caller may do about them, whatever library they come from.
 *
 * An error says so itself with `retryable`; otherwise its HTTP status decides, then its tag, name or code. What nobody
 * knows counts as transient: a dependency that breaks in a new way should open a breaker, not hide. Of an `Error`,
 * what its class says is read, and its own properties that are enumerable.
 *
 * @example
 * Fault.kindOf(new SyntaxError("…")) // "permanent"
 * Fault.kindOf({ status: 503 }) // "transient"
 */

export type FaultKind =
  /** May pass by itself: the network, an overloaded or restarting server. */
  | "transient"
  /** Took too long. Transient too, and counted apart by breakers. */
  | "timeout"
  /** The same call will fail again: validation, permission, logic. Never retried, never the dependency's fault. */
  | "permanent"
  /** A guard of our own said no before the call was made: an open breaker, a limit, a full bulkhead. */
  | "refused"
  /** The caller gave up. */
  | "cancelled"

/** Tags and names, as libraries write them. */
const KNOWN: ReadonlyMap<string, FaultKind> = new Map<string, FaultKind>([
  ...(["TimeoutExceeded", "TimeoutError", "TimeoutException", "ETIMEDOUT", "ConnectTimeoutError"] as const).map(
    (name): [string, FaultKind] => [name, "timeout"],
  ),
  ...(["BreakerOpen", "RateLimited", "BulkheadFull", "BulkheadWaitExceeded", "Shed", "SwitchedOff"] as const).map(
    (name): [string, FaultKind] => [name, "refused"],
  ),
  ...(["AbortError", "InterruptedException", "ABORT_ERR"] as const).map((name): [string, FaultKind] => [
    name,
    "cancelled",
  ]),
  ...(
    [
      "ParseError",
      "SchemaError",
      "ValidationError",
      "HttpApiDecodeError",
      "BadRequest",
      "Unauthorized",
      "Forbidden",
      "NotFound",
      "Conflict",
      "VersionConflict",
      "NoSuchElementException",
      "IllegalArgumentException",
      "InvalidPubSubCapacityException",
      "TypeError",
      "RangeError",
      "SyntaxError",
      "ReferenceError",
      "EvalError",
      "URIError",
      "AssertionError",
    ] as const
  ).map((name): [string, FaultKind] => [name, "permanent"]),
])

/** Statuses below 500 that may pass by themselves, and those from 500 that will not. */
const TRANSIENT_STATUSES = new Set([421, 423, 425, 429])
const PERMANENT_STATUSES = new Set([501, 505, 511])

/** What errors of many libraries have in common, if anything. */
interface Described {
  readonly retryable?: unknown
  readonly status?: unknown
  readonly statusCode?: unknown
  readonly response?: unknown
  readonly headers?: unknown
  readonly retryAfterMillis?: unknown
  readonly _tag?: unknown
  readonly name?: unknown
  readonly code?: unknown
  readonly cause?: unknown
  readonly message?: unknown
}

export const kindOf = (error: unknown): FaultKind => {
  if (typeof error !== "object" || error === null) return "transient"
  return isBare(error) ? kindOfBare(error) : kindOfDescribed(error)
}

const kindOfDescribed = (error: Described): FaultKind => {
  if (typeof error.retryable === "boolean") return error.retryable ? "transient" : "permanent"
  const status = statusOf(error)
  return status === undefined ? kindOfNames(error, error._tag, error.code) : kindOfStatus(status)
}

/**
 * The same for an `Error` whose class says nothing. It stands on the path of every failed call: to read what an `Error`
 * has not costs JavaScriptCore 20 ns a name, and most have none of the names; to ask for those that it has, 25.
 */
const kindOfBare = (error: Described): FaultKind => {
  const names = Object.keys(error)
  if (names.length === 0 && error.name === "Error") return "transient"
  let tag: unknown
  let code: unknown
  for (let i = 0; i < names.length; i++) {
    switch (names[i]) {
      case "_tag":
        tag = error._tag
        break
      case "code":
        code = error.code
        break
      case "retryable":
      case "status":
      case "statusCode":
      case "response":
        return kindOfDescribed(error)
    }
  }
  return kindOfNames(error, tag, code)
}

/** Whether it is an `Error` of a class without a word on what such errors allow. Errors come in runs of one class. */
const isBare = (error: object): boolean => {
  const prototype: object | null = Object.getPrototypeOf(error)
  if (prototype !== latest.prototype) {
    latest.bare = error instanceof Error && prototype !== null && isBareClass(prototype)
    latest.prototype = prototype
  }
  return latest.bare
}

const latest: { prototype: object | null; bare: boolean } = { prototype: null, bare: false }

const bareClasses = new WeakMap<object, boolean>()

const isBareClass = (prototype: object): boolean => {
  let bare = bareClasses.get(prototype)
  if (bare === undefined) {
    bare = !["retryable", "status", "statusCode", "response", "_tag", "code"].some((word) => word in prototype)
    bareClasses.set(prototype, bare)
  }
  return bare
}

const kindOfNames = (error: Described, tag: unknown, code: unknown): FaultKind => {
  const { name } = error
  if (name === "TypeError" && isFetchFailure(error)) return kindOfFetchFailure(error)
  return known(tag) ?? known(name) ?? known(code) ?? "transient"
}

const known = (name: unknown): FaultKind | undefined =>
  typeof name === "string" && name !== "Error" ? KNOWN.get(name) : undefined

const kindOfStatus = (status: number): FaultKind => {
  if (status === 408 || status === 504) return "timeout"
  if (status >= 500) return PERMANENT_STATUSES.has(status) ? "permanent" : "transient"
  return TRANSIENT_STATUSES.has(status) || status < 400 ? "transient" : "permanent"
}

/** `status`, `statusCode`, or the status of the `response` that the error carries. */
const statusOf = (error: Described): number | undefined => {
  if (isStatus(error.status)) return error.status
  if (isStatus(error.statusCode)) return error.statusCode
  return typeof error.response === "object" && error.response !== null ? statusOf(error.response) : undefined
}

const isStatus = (value: unknown): value is number =>
  typeof value === "number" && Number.isInteger(value) && value >= 100 && value <= 599

/**
 * `fetch` reports a lost network as a TypeError, with a cause (Node), with the system's code (Bun), or in words
 * (browsers). Every other TypeError is a mistake in the program.
 */
const isFetchFailure = ({ cause, code, message }: Described): boolean =>
  cause !== undefined ||
  (typeof code === "string" && !code.startsWith("ERR_")) ||
  (typeof message === "string" && /fetch|network|load failed/i.test(message))

const kindOfFetchFailure = ({ cause, code }: Described): FaultKind => {
  const { name, code: causeCode }: Described = typeof cause === "object" && cause !== null ? cause : {}
  return [code, name, causeCode].some((word) => known(word) === "timeout") ? "timeout" : "transient"
}

/** Whether a retry may help. */
export const mayPass = (kind: FaultKind): boolean => kind === "transient" || kind === "timeout"

/** Whether the fault speaks against the dependency, as a breaker counts it. */
export const countsAgainst = (kind: FaultKind): boolean => kind === "transient" || kind === "timeout"

/**
 * When the other side asks to be tried again, in milliseconds from now: the error's `retryAfterMillis`, or a
 * Retry-After header, in seconds or as a date (RFC 9110, 10.2.3), of the response that it carries.
 */
export const retryAfterMillis = (error: unknown, nowMillis: number): number | undefined => {
  if (typeof error !== "object" || error === null) return undefined
  const described: Described = error
  if (typeof described.retryAfterMillis === "number") return Math.max(0, described.retryAfterMillis)
  const header = retryAfterHeader(described.response ?? described)
  return header === undefined ? undefined : parseRetryAfter(header, nowMillis)
}

const retryAfterHeader = (response: unknown): string | undefined => {
  if (typeof response !== "object" || response === null) return undefined
  const { headers }: Described = response
  if (headers instanceof Headers) return headers.get("retry-after") ?? undefined
  if (typeof headers !== "object" || headers === null) return undefined
  const value: unknown = Reflect.get(headers, "retry-after")
  return typeof value === "string" ? value : undefined
}

/** Reads a Retry-After value. Undefined when it is neither seconds nor a date. */
export const parseRetryAfter = (value: string, nowMillis: number): number | undefined => {
  const text = value.trim()
  if (/^\d+$/.test(text)) return Number(text) * 1_000
  const at = Date.parse(text)
  return Number.isNaN(at) ? undefined : Math.max(0, at - nowMillis)
}
