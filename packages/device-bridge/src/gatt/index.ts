/** Bluetooth fitness sensors: their packets read and written, and what successive packets add up to. */
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
export type { DateTime, Layout, MeasurementIn } from "./Layout.ts"
