/** Bluetooth fitness sensors: their packets read and written, and what successive packets add up to. */
export * from "./Beats.ts"
export {
  CHARACTERISTICS,
  type Characteristic,
  characteristicOf,
  encode,
  type GattError,
  type Measurement,
  type MeasurementOf,
  parse,
} from "./Characteristic.ts"
export type { DateTime, Layout } from "./Layout.ts"
export { type Joined, joinMoreData, type MachineData } from "./MoreData.ts"
export * from "./Revolutions.ts"
