/** The best of a class. Equal points share a place; the rows keep their size, whoever stands in them. */
import type { Standing } from "@paceline/client-sdk"

/** Places are as in sports: two seconds, then a fourth. */
const placeOf = (standings: ReadonlyArray<Standing>, { points }: Standing): number =>
  standings.findIndex((other) => other.points === points) + 1

interface LeaderboardProps {
  readonly standings: ReadonlyArray<Standing>
  readonly rows: number
  /** Whether an empty board is truly empty, and not only unheard of. */
  readonly isKnown: boolean
}

export const Leaderboard = ({ standings, rows, isKnown }: LeaderboardProps) => {
  const most = Math.max(1, standings[0]?.points ?? 0)
  return (
    <section class="board" aria-labelledby="board-title">
      <h2 id="board-title">Leaderboard</h2>
      {standings.length === 0 ? (
        <p class="board-empty">{isKnown && "Points count here when a workout ends."}</p>
      ) : (
        <ol class="board-rows" style={{ "--rows": rows }}>
          {standings.slice(0, rows).map((standing) => (
            <li key={standing.athleteId} class="board-row" style={{ "--share": standing.points / most }}>
              <span class="board-place">{placeOf(standings, standing)}</span>
              <span class="board-alias">{standing.alias}</span>
              <span class="board-points">
                {standing.points}
                <span class="visually-hidden"> points</span>
              </span>
            </li>
          ))}
        </ol>
      )}
    </section>
  )
}
