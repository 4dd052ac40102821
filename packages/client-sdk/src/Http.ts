/**
 * The HTTP side of the client: one request, one checked answer or one typed error.
 *
 * Reads are repeated up to five times with backoff when the server is away or busy, or says when to ask again. Changes are never
 * repeated by themselves: after `Unreachable` nobody knows whether the first one was made.
 */
import { Backoff } from "@paceline/core/kernel"
import { type ApiError, fromAnswer, TooManyRequests, Unavailable, Unreachable } from "./ApiError.ts"

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
  /** @throws ApiError */
  readonly put: <T>(path: string, body: unknown, is: (value: unknown) => value is T) => Promise<T>
}

const ATTEMPTS = 5

/** An answer that takes longer is not waited for. */
const TIMEOUT_MILLIS = 10_000

export const make = ({ base, key, fetch, random }: HttpOptions): Http => {
  const headers: Record<string, string> = { accept: "application/json" }
  if (key !== null) headers["authorization"] = `Bearer ${key}`

  const once = async <T>(path: string, init: RequestInit, is: (value: unknown) => value is T): Promise<T> => {
    const { status, body } = await answerOf(fetch, new URL(path, base).href, init)
    if (status >= 200 && status < 300 && is(body)) return body
    throw fromAnswer(status, body)
  }

  return {
    get: async (path, is) => {
      for (let attempt = 0; ; attempt++) {
        try {
          return await once(path, { method: "GET", headers }, is)
        } catch (error) {
          if (attempt + 1 >= ATTEMPTS || !isPassing(error)) throw error
          await sleep(leastWaitMillis(error) + Backoff.delayMillis(Backoff.standard, attempt, random()))
        }
      }
    },
    put: (path, body, is) =>
      once(
        path,
        { method: "PUT", headers: { ...headers, "content-type": "application/json" }, body: JSON.stringify(body) },
        is,
      ),
  }
}

const answerOf = async (fetch: Fetch, url: string, init: RequestInit): Promise<{ status: number; body: unknown }> => {
  try {
    const response = await fetch(url, { ...init, signal: AbortSignal.timeout(TIMEOUT_MILLIS) })
    return { status: response.status, body: parsed(await response.text()) }
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
