/** What the colours and numbers of the tiles mean. */
const ZONES = [
  [5, "90% and up", "All out"],
  [4, "80–89%", "Hard"],
  [3, "70–79%", "Steady"],
  [2, "60–69%", "Light"],
  [1, "50–59%", "Easy"],
  [0, "below 50%", "Rest"],
] as const

export const ZoneLegend = () => (
  <section class="legend" aria-label="Zones, in percent of the greatest heart rate">
    <ol>
      {ZONES.map(([zone, range, name]) => (
        <li key={zone} class="legend-zone" data-zone={zone}>
          <b class="legend-number">{zone}</b>
          <span class="legend-name">{name}</span>
          <span class="legend-range">{range}</span>
        </li>
      ))}
    </ol>
  </section>
)
