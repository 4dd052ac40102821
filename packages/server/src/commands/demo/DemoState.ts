/**
 * What the demo remembers between starts on one data folder: its device, the device's key, and its athletes.
 *
 * It is saved after every step of the registration, so that a start that was interrupted goes on where it was,
 * and no start registers anybody twice. The file holds a key: only its owner may read it.
 */
import { readFileSync, renameSync, writeFileSync } from "node:fs"
import { AthleteId, DeviceId } from "@paceline/core/contract"
import { Either, Schema } from "effect"

const Device = Schema.Struct({ deviceId: DeviceId, key: Schema.String })
export type Device = typeof Device.Type

const DemoState = Schema.Struct({
  device: Schema.NullOr(Device),
  /** In the order of the straps. */
  athletes: Schema.Array(AthleteId),
  /** So many of the athletes, from the first, are paired with their straps. */
  paired: Schema.Int,
  /** When their playback began, milliseconds since the epoch: every start goes on with the same one. */
  startedAtMs: Schema.NullOr(Schema.Int),
})
export type DemoState = typeof DemoState.Type

export const empty: DemoState = { device: null, athletes: [], paired: 0, startedAtMs: null }

const decode = Schema.decodeUnknownEither(Schema.parseJson(DemoState))

/** What was saved; `empty` when nothing was, or nothing that can be read. */
export const load = (file: string): DemoState => {
  try {
    return Either.getOrElse(decode(readFileSync(file, "utf8")), () => empty)
  } catch {
    return empty
  }
}

export const save = (file: string, state: DemoState): void => {
  writeFileSync(`${file}.new`, `${JSON.stringify(state)}\n`, { mode: 0o600 })
  renameSync(`${file}.new`, file)
}
