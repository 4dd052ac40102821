/** How long an activity was in each zone, as a bar and in words. */
import { lengthOf } from "./ActivityWords.ts"

export const ZoneTimes = ({ zoneMillis }: { readonly zoneMillis: ReadonlyArray<number> }) => {
  const zones = zoneMillis.map((millis, zone) => ({ zone, millis })).filter(({ millis }) => millis > 0)
  if (zones.length === 0) return null
  return (
    <div class="zone-times">
      <div class="zone-times-bar" aria-hidden="true">
        {zones.map(({ millis, zone }) => (
          <span key={zone} data-zone={zone} style={{ flexGrow: millis }} />
        ))}
      </div>
      <ul aria-label="Time in each zone">
        {zones.map(({ millis, zone }) => (
          <li key={zone}>
            <i data-zone={zone} aria-hidden="true" />
            {zone === 0 ? "Below" : `Zone ${zone}`} <b>{lengthOf(millis)}</b>
          </li>
        ))}
      </ul>
    </div>
  )
}
