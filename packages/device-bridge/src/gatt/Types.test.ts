import { expectTypeOf, test } from "vitest"
import { encode, type GattError, type MeasurementOf, parse } from "./Characteristic.ts"
import type { DateTime } from "./Layout.ts"

test("the type of a measurement follows from its table", () => {
  type HeartRate = MeasurementOf<"2A37">
  expectTypeOf<HeartRate["heartRateBpm"]>().toEqualTypeOf<number>()
  expectTypeOf<HeartRate["rrIntervalsSeconds"]>().toEqualTypeOf<ReadonlyArray<number> | undefined>()
  expectTypeOf<HeartRate["contactDetected"]>().toEqualTypeOf<boolean>()
  expectTypeOf<MeasurementOf<"2A53">["gait"]>().toEqualTypeOf<"walking" | "running">()
  expectTypeOf<MeasurementOf<"2ACD">["inclinationPercent"]>().toEqualTypeOf<number | null | undefined>()
  expectTypeOf<MeasurementOf<"2A9D">["weightKilograms"]>().toEqualTypeOf<number | null>()
  expectTypeOf<MeasurementOf<"2A9D">["measuredAt"]>().toEqualTypeOf<DateTime | undefined>()
  expectTypeOf(parse<"2A19">).returns.toEqualTypeOf<MeasurementOf<"2A19"> | GattError>()
  // @ts-expect-error a measurement of one characteristic is not one of another
  expectTypeOf(encode<"2A19">).toBeCallableWith("2A19", { _tag: "Weight", wireUnits: "si", weightKilograms: 75 })
})
