/** The zone as a row of five bars, as many lit as its number: the zone for those who do not go by colour. */
export const ZoneBars = ({ lit }: { readonly lit: number | null }) => (
  <div class="bars" data-lit={lit ?? undefined} aria-hidden="true">
    {[1, 2, 3, 4, 5].map((bar) => (
      <i key={bar} class={lit !== null && bar <= lit ? "bar lit" : "bar"} />
    ))}
  </div>
)
