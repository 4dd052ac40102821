/**
 * Options read from configuration, checked before anything is built of them: an operator's slip is a `ConfigError`
 * that names the setting and what it may be, not a service that silently lets nobody in.
 */
import { Config, ConfigError, Either } from "effect"

/** What a setting may be. Left out, its default stands. */
export interface Bound {
  readonly setting: string
  readonly value: number | undefined
  readonly from: number
  /** Default: no upper bound. */
  readonly to?: number
  /** The bound itself is not allowed. */
  readonly exclusive?: "from" | "to" | "both"
  readonly whole?: boolean
}

/** The same configuration, which fails with the first setting that is out of its bounds. `owner` names the service. */
export const checked = <A>(
  config: Config.Config<A>,
  owner: string,
  boundsOf: (options: A) => ReadonlyArray<Bound>,
): Config.Config<A> =>
  Config.mapOrFail(config, (options) => {
    const broken = boundsOf(options).find((bound) => !holds(bound))
    return broken === undefined ? Either.right(options) : Either.left(ConfigError.InvalidData([], say(owner, broken)))
  })

const holds = ({ exclusive, from, to = Number.POSITIVE_INFINITY, value, whole }: Bound): boolean => {
  if (value === undefined) return true
  if (whole === true && !Number.isInteger(value) && value !== Number.POSITIVE_INFINITY) return false
  const above = exclusive === "from" || exclusive === "both" ? value > from : value >= from
  const below = exclusive === "to" || exclusive === "both" ? value < to : value <= to
  return above && below
}

const say = (owner: string, { exclusive, from, setting, to, value, whole }: Bound): string => {
  const lower = exclusive === "from" || exclusive === "both" ? `above ${from}` : `from ${from}`
  const upper = exclusive === "to" || exclusive === "both" ? `below ${to}` : `to ${to}`
  const bounds = to === undefined ? lower : `${lower} ${upper}`
  return `${owner}: ${setting} must be a ${whole === true ? "whole " : ""}number ${bounds}, not ${value}`
}
