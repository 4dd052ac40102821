/**
 * One guard a key, such as a policy for each dependency or each customer, made when first used, and never more than so
 * many.
 *
 * @example
 * const policies = keyed((host) => policyForUser(host))
 * await policies.get(url.host).execute((call) => fetch(url, { signal: call.signal }))
 */
import * as BoundedMap from "../../kernel/resilience/BoundedMap.ts"
import type * as BreakerCell from "../BreakerCell.ts"

export interface PromiseKeyed<G> {
  readonly get: (key: string) => G
  /** How many are kept now. */
  readonly size: () => number
}

/** What may be forgotten last: a breaker that is not simply closed, alone or in a policy. */
interface Breaking {
  readonly cell?: BreakerCell.BreakerCell
  readonly breaker?: { readonly cell: BreakerCell.BreakerCell } | undefined
}

/** @param options.maxKeys what was not used lately goes first, open breakers last. Default 1,000 */
export const keyed = <G extends object>(
  make: (key: string) => G,
  options: { readonly maxKeys?: number } = {},
): PromiseKeyed<G> => {
  const map = BoundedMap.make<string, G>(options.maxKeys ?? 1_000, isBusy)
  return {
    get: (key) => BoundedMap.getOrMake(map, key, () => make(key)),
    size: () => map.entries.size,
  }
}

const isBusy = ({ cell, breaker }: Breaking): boolean => !((cell ?? breaker?.cell)?.state.free ?? true)
