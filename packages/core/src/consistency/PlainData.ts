/**
 * Encodes and decodes what is plain data already, such as most events and states, without making anything new.
 *
 * Effect's parser makes an object and an `Either` for each field, a kilobyte for an event of eight. Where a schema says
 * only what a value must be (structs, arrays, records, unions, literals, filters), and the value is exactly that, it is its
 * own encoding: looking at it is enough. Everything else goes through Effect's parser: transformations and classes, what
 * does not fit, and what has fields that the schema does not name.
 *
 * @example
 * const encode = PlainData.encoder(Workout)
 * encode(workout) // the same object, or what Schema.encodeSync says of it
 */
import { SchemaAST as Ast, Either, Option, type ParseResult, Schema } from "effect"

/** Throws `ParseError` when the value does not fit. */
export const encoder = <A, I>(schema: Schema.Schema<A, I>): ((value: A) => I) => {
  const encode = Schema.encodeSync(schema)
  const verdictOn = looking(schema.ast)
  if (verdictOn === undefined) return encode
  const isOwnEncoding = (value: A): value is A & I => verdictOn(value) === "fits"
  return (value) => (isOwnEncoding(value) ? value : encode(value))
}

export const decoder = <A, I>(
  schema: Schema.Schema<A, I>,
): ((stored: unknown) => Either.Either<A, ParseResult.ParseError>) => {
  const decode = Schema.decodeUnknownEither(schema)
  const verdictOn = looking(schema.ast)
  if (verdictOn === undefined) return decode
  const isDecoded = (stored: unknown): stored is A => verdictOn(stored) === "fits"
  return (stored) => (isDecoded(stored) ? Either.right(stored) : decode(stored))
}

/** It is exactly what the schema says; it is certainly not; or it may fit, but not as it is. */
type Verdict = "fits" | "not" | "unsure"

type Look = (value: unknown) => Verdict

/** Undefined where a value that fits may still have to be made anew. */
const looking = (ast: Ast.AST): Look | undefined => {
  if (Option.isSome(Ast.getParseOptionsAnnotation(ast))) return undefined
  if (Option.isSome(Ast.getDecodingFallbackAnnotation(ast))) return undefined
  switch (ast._tag) {
    case "StringKeyword":
      return (value) => (typeof value === "string" ? "fits" : "not")
    case "NumberKeyword":
      return (value) => (typeof value === "number" ? "fits" : "not")
    case "BooleanKeyword":
      return (value) => (typeof value === "boolean" ? "fits" : "not")
    case "UndefinedKeyword":
      return (value) => (value === undefined ? "fits" : "not")
    case "UnknownKeyword":
    case "AnyKeyword":
      return () => "fits"
    case "Literal":
      return (value) => (value === ast.literal ? "fits" : "not")
    case "Refinement":
      return filtered(ast)
    case "Union":
      return union(ast)
    case "TupleType":
      return array(ast)
    case "TypeLiteral":
      return ast.propertySignatures.length > 0 ? struct(ast) : record(ast)
    case "Suspend":
      return suspended(ast)
    default:
      return undefined
  }
}

const filtered = (ast: Ast.Refinement): Look | undefined => {
  const from = looking(ast.from)
  if (from === undefined) return undefined
  return (value) => {
    const verdict = from(value)
    if (verdict !== "fits") return verdict
    return Option.isNone(ast.filter(value, Ast.defaultParseOption, ast)) ? "fits" : "not"
  }
}

/** The first member that a value fits decides what becomes of it, so those before must certainly not. */
const union = (ast: Ast.Union): Look | undefined => {
  const members = allOf(ast.types)
  if (members === undefined) return undefined
  return (value) => {
    for (const look of members) {
      const verdict = look(value)
      if (verdict !== "not") return verdict
    }
    return "not"
  }
}

/** Arrays of one kind of element. */
const array = ({ elements, rest }: Ast.TupleType): Look | undefined => {
  const [item, ...more] = rest
  const look = item === undefined || more.length > 0 || elements.length > 0 ? undefined : looking(item.type)
  if (look === undefined) return undefined
  return (value) => {
    if (!Array.isArray(value)) return "not"
    let all: Verdict = "fits"
    for (let i = 0; i < value.length; i++) {
      const verdict = look(value[i])
      if (verdict === "not") return "not"
      if (verdict === "unsure") all = "unsure"
    }
    return all
  }
}

const struct = ({ indexSignatures, propertySignatures }: Ast.TypeLiteral): Look | undefined => {
  const looks = allOf(propertySignatures.map(({ type }) => type))
  if (looks === undefined || indexSignatures.length > 0) return undefined
  const fields: Array<{ readonly name: string; readonly isOptional: boolean; readonly look: Look }> = []
  for (const [i, { isOptional, name }] of propertySignatures.entries()) {
    const look = looks[i]
    if (look === undefined || typeof name !== "string") return undefined
    fields.push({ name, isOptional, look })
  }
  return (value) => {
    if (!isRecord(value)) return "not"
    let all: Verdict = isPlain(value) ? "fits" : "unsure"
    let seen = 0
    for (const { isOptional, look, name } of fields) {
      if (!Object.hasOwn(value, name)) {
        if (isOptional) continue
        // Effect's parser has the last word on what is missing.
        all = "unsure"
        continue
      }
      seen++
      const verdict = look(value[name])
      if (verdict === "not") return "not"
      if (verdict === "unsure") all = "unsure"
    }
    for (const _ in value) seen--
    return seen === 0 ? all : "unsure"
  }
}

/** Any strings as keys. */
const record = ({ indexSignatures }: Ast.TypeLiteral): Look | undefined => {
  const [signature, ...more] = indexSignatures
  if (signature === undefined || more.length > 0 || !Ast.isStringKeyword(signature.parameter)) return undefined
  const look = looking(signature.parameter) && looking(signature.type)
  if (look === undefined) return undefined
  return (value) => {
    if (!isRecord(value)) return "not"
    let all: Verdict = isPlain(value) ? "fits" : "unsure"
    for (const name in value) {
      const verdict = look(value[name])
      if (verdict === "not") return "not"
      if (verdict === "unsure") all = "unsure"
    }
    return all
  }
}

/** Looked into at the first value: a schema may contain itself. */
const suspended = (ast: Ast.Suspend): Look => {
  let look: Look | undefined
  return (value) => {
    look ??= looking(ast.f()) ?? (() => "unsure")
    return look(value)
  }
}

/** Undefined when one of them is. */
const allOf = (types: ReadonlyArray<Ast.AST>): ReadonlyArray<Look> | undefined => {
  const looks: Array<Look> = []
  for (const type of types) {
    const look = looking(type)
    if (look === undefined) return undefined
    looks.push(look)
  }
  return looks
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** An instance of a class may be more than its fields. */
const isPlain = (value: object): boolean => {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
