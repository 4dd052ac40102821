/**
 * What an HTTP call can fail with: one class for each thing that can be wrong, told apart by `_tag`.
 *
 * A message says in plain words what is wrong and may be shown to a person.
 *
 * @example
 * try {
 *   await client.me.change(profile, { alias: "Mara" })
 * } catch (error) {
 *   if (error instanceof Conflict) console.log(`mine: ${error.mine.alias}, theirs: ${error.theirs.alias}`)
 *   else throw error
 * }
 */
import type { Profile, ProfileChoices, ProfileField } from "@paceline/core/contract"
import { isInteger, isListOf, isProfile, isProfileChoices, isProfileField, isRecord, isString } from "./LiveValues.ts"

/** The name is set by hand, so that it survives a bundler that shortens class names. */
abstract class Failure<Tag extends string> extends Error {
  readonly _tag: Tag
  constructor(tag: Tag, message: string, options?: ErrorOptions) {
    super(message, options)
    this._tag = tag
    this.name = tag
  }
}

/** The key is missing or not known. Asking again with the same key changes nothing. */
export class Unauthorized extends Failure<"Unauthorized"> {
  constructor(message: string) {
    super("Unauthorized", message)
  }
}

/** The key is known, but may not do this. */
export class Forbidden extends Failure<"Forbidden"> {
  constructor(message: string) {
    super("Forbidden", message)
  }
}

export class NotFound extends Failure<"NotFound"> {
  readonly what: string
  readonly id: string
  constructor(message: string, what: string, id: string) {
    super("NotFound", message)
    this.what = what
    this.id = id
  }
}

/**
 * The same fields were changed elsewhere meanwhile, to something else. Nothing was written: let the person choose.
 *
 * @example
 * await client.me.change(error.theirs, error.mine) // keep mine
 * await client.me.change(error.theirs, { ...error.mine, alias: error.theirs.alias }) // take their alias
 */
export class Conflict extends Failure<"Conflict"> {
  /** The fields to choose for. */
  readonly fields: ReadonlyArray<ProfileField>
  /** What would be stored with this change: the choices made here, and theirs where only they chose anew. */
  readonly mine: ProfileChoices
  /** What is stored: change from this, and no value is overwritten that nobody has seen. */
  readonly theirs: Profile
  /** The version that the change was made from. */
  readonly expectedVersion: number
  /** The version that is stored, that of `theirs`. */
  readonly actualVersion: number
  constructor(message: string, values: Pick<Conflict, "fields" | "mine" | "theirs" | "expectedVersion">) {
    super("Conflict", message)
    this.fields = values.fields
    this.mine = values.mine
    this.theirs = values.theirs
    this.expectedVersion = values.expectedVersion
    this.actualVersion = values.theirs.version
  }
}

/** The server did not accept the values. `issues` says which, with the path to each. */
export class InvalidRequest extends Failure<"InvalidRequest"> {
  readonly issues: ReadonlyArray<{ readonly path: string; readonly message: string }>
  constructor(message: string, issues: InvalidRequest["issues"]) {
    super("InvalidRequest", message)
    this.issues = issues
  }
}

/** Asked too often within a minute. Nothing was changed; ask again after `retryAfterSeconds`. */
export class TooManyRequests extends Failure<"TooManyRequests"> {
  /** The limit that was met, for whoever runs the server. */
  readonly limit: string
  readonly retryAfterSeconds: number
  constructor(message: string, limit: string, retryAfterSeconds: number) {
    super("TooManyRequests", message)
    this.limit = limit
    this.retryAfterSeconds = retryAfterSeconds
  }
}

/** The server answers, but cannot do it now. Nothing was changed; try again later. */
export class Unavailable extends Failure<"Unavailable"> {
  constructor(message: string) {
    super("Unavailable", message)
  }
}

/** No answer came, to five requests. A change may have been made, at most once: read before you change again. */
export class Unreachable extends Failure<"Unreachable"> {
  constructor(message: string, options?: ErrorOptions) {
    super("Unreachable", message, options)
  }
}

/** An answer came that this client does not understand: another version, or not a Paceline server. */
export class UnexpectedAnswer extends Failure<"UnexpectedAnswer"> {
  readonly status: number
  constructor(message: string, status: number) {
    super("UnexpectedAnswer", message)
    this.status = status
  }
}

export type ApiError =
  | Unauthorized
  | Forbidden
  | NotFound
  | Conflict
  | InvalidRequest
  | TooManyRequests
  | Unavailable
  | Unreachable
  | UnexpectedAnswer

/** Whether it is one of the errors that calls fail with. */
export const isApiError = (error: unknown): error is ApiError => error instanceof Failure

/** The error that an answer's body and status say, whatever they are. */
export const fromAnswer = (status: number, body: unknown): ApiError => {
  const fields = isRecord(body) ? body : {}
  const {
    _tag: tag,
    message,
    what,
    id,
    expectedVersion,
    fields: inConflict,
    mine,
    theirs,
    issues,
    limit,
    retryAfterSeconds,
  } = fields
  const said = isString(message) && message !== "" ? message : null
  switch (tag) {
    case "Unauthorized":
      return new Unauthorized(said ?? "The key is missing or not known.")
    case "Forbidden":
      return new Forbidden(said ?? "This key may not do that.")
    case "NotFound":
      return new NotFound(said ?? "There is no such thing.", isString(what) ? what : "", isString(id) ? id : "")
    case "Conflict":
      if (!isInteger(expectedVersion) || !isFields(inConflict) || !isProfileChoices(mine) || !isProfile(theirs)) break
      return new Conflict(said ?? "It was changed elsewhere meanwhile.", {
        fields: inConflict,
        mine,
        theirs,
        expectedVersion,
      })
    case "TooManyRequests":
      if (!isInteger(retryAfterSeconds)) break
      return new TooManyRequests(said ?? "Too many requests.", isString(limit) ? limit : "", retryAfterSeconds)
    case "Unavailable":
      return new Unavailable(said ?? "The server cannot do that now.")
    case "InvalidRequest":
    case "HttpApiDecodeError":
      return new InvalidRequest(said ?? "The server did not accept the values.", issuesOf(issues))
  }
  return new UnexpectedAnswer(
    status < 400
      ? `The server's answer is not what this client expects (status ${status}).`
      : `The server answered with status ${status} and no reason that this client knows.`,
    status,
  )
}

const isFields = isListOf(isProfileField)

const issuesOf = (value: unknown): InvalidRequest["issues"] =>
  (Array.isArray(value) ? value : []).flatMap((issue: unknown) => {
    if (!isRecord(issue) || !isString(issue["message"])) return []
    const path = Array.isArray(issue["path"]) ? issue["path"].map(String).join(".") : ""
    return [{ path, message: issue["message"] }]
  })
