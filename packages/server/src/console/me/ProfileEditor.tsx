/** The fields of the profile: alias, whether the heart rate shows, and the greatest heart rate. */
import * as Form from "./ProfileForm.ts"

const SAVED_WITH_MORE = "Saved. What you changed on another device is kept too."

interface ProfileEditorProps {
  readonly form: Form.ProfileForm
  readonly onChange: (form: Form.ProfileForm) => void
  readonly onSave: (form: Form.ProfileForm) => void
}

export const ProfileEditor = ({ form, onChange, onSave }: ProfileEditorProps) => {
  const { draft, faults } = form
  const edit = (change: Partial<Form.Draft>) => onChange(Form.edit(form, change))
  const submit = (event: Event) => {
    event.preventDefault()
    onSave(form)
  }
  return (
    <form class="me-form" onSubmit={submit} noValidate>
      <fieldset class="me-card" disabled={form.phase === "saving"}>
        <div class="field">
          <label for="alias">Name on the wall</label>
          <input
            id="alias"
            value={draft.alias}
            maxLength={Form.LONGEST_ALIAS}
            autocomplete="nickname"
            aria-invalid={faults.alias !== undefined}
            aria-describedby="alias-note"
            onInput={(event) => edit({ alias: event.currentTarget.value })}
          />
          <p id="alias-note" class={faults.alias === undefined ? "field-note" : "field-fault"}>
            {faults.alias ?? "A nickname is fine."}
          </p>
        </div>
        <div class="field field-switch">
          <label for="visible">Show my heart rate</label>
          <input
            id="visible"
            type="checkbox"
            role="switch"
            aria-checked={draft.heartRateVisible}
            checked={draft.heartRateVisible}
            aria-describedby="visible-note"
            onChange={(event) => edit({ heartRateVisible: event.currentTarget.checked })}
          />
          <p id="visible-note" class="field-note">
            {draft.heartRateVisible
              ? "Everyone sees your heart rate and zone."
              : "Others see your name and points, never your heart rate or zone."}
          </p>
        </div>
        <MaxHeartRate form={form} onEdit={edit} />
        <div class="me-save">
          <button class="me-button" type="submit" disabled={form.phase === "saving" || !Form.isChanged(form)}>
            {form.phase === "saving" ? "Saving…" : "Save"}
          </button>
          <p role="status" aria-live="polite">
            {form.phase === "saved" && (form.isMerged ? SAVED_WITH_MORE : "Saved.")}
          </p>
        </div>
        {form.problem !== null && (
          <p class="me-problem" role="alert">
            {form.problem}
          </p>
        )}
      </fieldset>
    </form>
  )
}

interface MaxHeartRateProps {
  readonly form: Form.ProfileForm
  readonly onEdit: (change: Partial<Form.Draft>) => void
}

const MaxHeartRate = ({ form: { draft, faults }, onEdit }: MaxHeartRateProps) => {
  const bpm = Number(draft.maxHeartRateBpm)
  const step = (by: number) => onEdit({ maxHeartRateBpm: String((Number.isFinite(bpm) ? bpm : 190) + by) })
  return (
    <div class="field">
      <label for="max">Highest heart rate</label>
      <div class="stepper">
        <button type="button" aria-label="One less" onClick={() => step(-1)}>
          −
        </button>
        <input
          id="max"
          inputMode="numeric"
          value={draft.maxHeartRateBpm}
          aria-invalid={faults.maxHeartRateBpm !== undefined}
          aria-describedby="max-note"
          onInput={(event) => onEdit({ maxHeartRateBpm: event.currentTarget.value })}
        />
        <button type="button" aria-label="One more" onClick={() => step(1)}>
          +
        </button>
      </div>
      <p id="max-note" class={faults.maxHeartRateBpm === undefined ? "field-note" : "field-fault"}>
        {/* H. Tanaka, K. D. Monahan, D. R. Seals, "Age-predicted maximal heart rate revisited", JACC 37(1), 2001. */}
        {faults.maxHeartRateBpm ??
          "In beats a minute. If you never measured it: about 208 − 0.7 × your age. A change counts from your next workout."}
      </p>
      <ol class="zones" aria-label="Your zones, in beats a minute">
        {Form.zoneStarts(Number.isFinite(bpm) && bpm > 0 ? bpm : 0).map((start, index) => (
          <li key={start} class="zones-zone" data-zone={index + 1}>
            <b>{index + 1}</b>
            <span>{start > 0 ? `from ${start}` : "–"}</span>
          </li>
        ))}
      </ol>
    </div>
  )
}
