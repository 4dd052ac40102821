/**
 * The HTTP side of the client: one request, one checked answer or one typed error.
 *
 * Requests are sent up to five times, with backoff, when no answer comes, or when the server is busy or says when to ask
 * again. A change has an idempotency key, the same each time it is sent: the server does it once and answers the same,
 * so an answer that was lost on its way is got again and nothing is done twice.
 *
 * Who has changed something sees it in what it reads next: the token that came with the answer goes along.
 */
import { Backoff, SessionToken } from "@paceline/core/kernel"
import { type ApiError, fromAnswer, isApiError, TooManyRequests, Unavailable, Unreachable } from "./ApiError.ts"

/** The part of `fetch` that is used. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>

export interface HttpOptions {
  /** Ends with a slash. */
  readonly base: URL
  readonly key: string | null
  readonly fetch: Fetch
  readonly random: () => number
}

export interface Http {
  /** @throws ApiError */
  readonly get: <T>(path: string, is: (value: unknown) => value is T) => Promise<T>
  /** Done once, however often it is sent. @throws ApiError */
  readonly put: <T>(path: string, body: unknown, is: (value: unknown) => value is T) => Promise<T>
  /** Done once, however often it is sent. @throws ApiError */
  readonly post: <T>(path: string, body: unknown, is: (value: unknown) => value is T) => Promise<T>
  /** Done once, however often it is sent. @throws ApiError */
  readonly delete: <T>(path: string, is: (value: unknown) => value is T) => Promise<T>
  /**
   * The bytes of a long answer as they come; asked for once, and waited for until the signal ends it.
   *
   * @throws ApiError, also when it breaks off
   */
  readonly stream: (path: string, signal?: AbortSignal) => AsyncGenerator<Uint8Array, void, undefined>
}

interface Call {
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

const ATTEMPTS = 5

/** Read your writes: how far the server had come after a change. */
const SESSION = "paceline-session"

/** An answer that takes longer is not waited for. */
const TIMEOUT_MILLIS = 10_000

export const make = ({ base, key, fetch, random }: HttpOptions): Http => {
  const headers: Record<string, string> = { accept: "application/json" }
  if (key !== null) headers["authorization"] = `Bearer ${key}`

  /** What this client's changes were answered with; undefined before the first. */
  let session: SessionToken.SessionToken | undefined

  const once = async <T>(path: string, call: Call, is: (value: unknown) => value is T): Promise<T> => {
    const since = session === undefined ? {} : { [SESSION]: SessionToken.encode(session) }
    const init = { ...call, headers: { ...call.headers, ...since } }
    const { status, body, token } = await answerOf(fetch, new URL(path, base).href, init)
    // Answers may overtake each other: the session has seen what either has.
    const after = token === null ? undefined : SessionToken.decode(token)
    if (after !== undefined) session = session === undefined ? after : SessionToken.merge(session, after)
    if (status >= 200 && status < 300 && is(body)) return body
    throw fromAnswer(status, body)
  }

  const repeated = async <T>(path: string, call: Call, is: (value: unknown) => value is T): Promise<T> => {
    for (let attempt = 0; ; attempt++) {
      try {
        return await once(path, call, is)
      } catch (error) {
        if (attempt + 1 >= ATTEMPTS || !isPassing(error)) {
          // A server that began anew never comes to where this session was: the next request asks without it.
          if (error instanceof Unavailable) session = undefined
          throw error
        }
        await sleep(leastWaitMillis(error) + Backoff.delayMillis(Backoff.standard, attempt, random()))
      }
    }
  }

  const writing = (method: string, body: unknown): Call => ({
    method,
    headers: { ...headers, "content-type": "application/json", "idempotency-key": `"${freshKey()}"` },
    body: JSON.stringify(body),
  })

  const stream = async function* (path: string, signal?: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      const init = { headers: { ...headers, accept: "*/*" }, ...(signal === undefined ? {} : { signal }) }
      const response = await fetch(new URL(path, base).href, init)
      if (!response.ok) throw fromAnswer(response.status, parsed(await response.text()))
      const reader = response.body?.getReader()
      if (reader === undefined) return
      try {
        for (let part = await reader.read(); !part.done; part = await reader.read()) yield part.value
      } finally {
        // Whoever stops reading wants no more of it; after the end this does nothing.
        await reader.cancel().catch(() => undefined)
      }
    } catch (cause) {
      throw isApiError(cause) ? cause : new Unreachable("The answer broke off. Try again.", { cause })
    }
  }

  return {
    get: (path, is) => repeated(path, { method: "GET", headers }, is),
    put: (path, body, is) => repeated(path, writing("PUT", body), is),
    post: (path, body, is) => repeated(path, writing("POST", body), is),
    delete: (path, is) =>
      repeated(path, { method: "DELETE", headers: { ...headers, "idempotency-key": `"${freshKey()}"` } }, is),
    stream,
  }
}

/** 128 random bits. `crypto.randomUUID` is missing on pages that came without TLS, as in a gym's own network. */
const freshKey = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("")

const answerOf = async (
  fetch: Fetch,
  url: string,
  init: RequestInit,
): Promise<{ status: number; body: unknown; token: string | null }> => {
  try {
    const response = await fetch(url, { ...init, signal: AbortSignal.timeout(TIMEOUT_MILLIS) })
    const token = response.headers.get(SESSION)
    return { status: response.status, body: parsed(await response.text()), token }
  } catch (cause) {
    throw new Unreachable("The server does not answer. It may be off, or the network away.", { cause })
  }
}

/** A body that is no JSON comes from something else than the API, a proxy for example; the status then says enough. */
const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** Who asked too often waits at most so long for the next try; a longer wait is the caller's decision. */
const LONGEST_WAIT_SECONDS = 10

/** Whether waiting a little may help. */
const isPassing = (error: unknown): error is ApiError =>
  error instanceof Unreachable ||
  error instanceof Unavailable ||
  (error instanceof TooManyRequests && error.retryAfterSeconds <= LONGEST_WAIT_SECONDS)

const leastWaitMillis = (error: ApiError): number =>
  error instanceof TooManyRequests ? error.retryAfterSeconds * 1000 : 0

const sleep = (millis: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, millis))
