/**
 * What a Bluetooth stack must offer to be listened to, and the two that are common in the shape they have.
 *
 * A `SensorLink` is one sensor: it can be connected, and says when it is gone. `webBluetoothLink` makes one of a
 * `BluetoothDevice` (browsers, and packages with that interface), `nobleLink` of a peripheral of noble (Node: Linux,
 * macOS, Windows). Only the shape is asked for, so neither is a dependency.
 */

/** Hands on a notification: the characteristic's UUID and its bytes. */
export type OnPacket = (uuid: string, bytes: Uint8Array | DataView) => void

export interface SensorLink {
  /**
   * Connects and asks for notifications of the characteristics it has among `uuids` (4 hexadecimal digits, lower
   * case). Resolves when they flow; `onGone` is called once when the connection ends. Rejects when it cannot connect.
   */
  connect(uuids: ReadonlyArray<string>, onPacket: OnPacket, onGone: () => void): Promise<void>
  /** Ends the connection, if there is one. */
  disconnect(): void
}

/** The part of Web Bluetooth's `BluetoothDevice` that is used. */
export interface WebBluetoothDevice {
  readonly gatt?:
    | {
        connect(): Promise<{ getPrimaryServices(): Promise<ReadonlyArray<WebBluetoothService>> }>
        disconnect(): void
      }
    | undefined
  addEventListener(type: "gattserverdisconnected", listener: () => void): void
}

export interface WebBluetoothService {
  getCharacteristics(): Promise<ReadonlyArray<WebBluetoothCharacteristic>>
}

export interface WebBluetoothCharacteristic {
  readonly uuid: string
  /** Not every implementation tells them; then it is asked all the same. */
  readonly properties?: { readonly notify: boolean; readonly indicate: boolean }
  readonly value?: DataView | null | undefined
  startNotifications(): Promise<unknown>
  addEventListener(type: "characteristicvaluechanged", listener: () => void): void
}

/** A device of Web Bluetooth. Its services must have been named in `optionalServices` when it was asked for. */
export const webBluetoothLink = (device: WebBluetoothDevice): SensorLink => {
  let gone: () => void = () => {}
  let listens = false
  return {
    async connect(uuids, onPacket, onGone) {
      if (device.gatt === undefined) throw new Error("This device offers no GATT server.")
      gone = onGone
      // Once for all attempts: those that come to nothing must leave no listener behind.
      if (!listens) device.addEventListener("gattserverdisconnected", () => gone())
      listens = true
      const server = await device.gatt.connect()
      for (const service of await server.getPrimaryServices()) {
        for (const characteristic of await service.getCharacteristics()) {
          const { properties } = characteristic
          const uuid = shortUuid(characteristic.uuid)
          // Many straps tell their battery only when they are read; asked to notify, they refuse the whole connection.
          if (!uuids.includes(uuid) || (properties?.notify === false && properties.indicate === false)) continue
          characteristic.addEventListener("characteristicvaluechanged", () => {
            if (characteristic.value) onPacket(uuid, characteristic.value)
          })
          await characteristic.startNotifications()
        }
      }
    },
    disconnect: () => device.gatt?.disconnect(),
  }
}

/** The part of noble's `Peripheral` that is used (`@abandonware/noble`, `@stoprocent/noble`). */
export interface NoblePeripheral {
  /** `connecting`, `connected`, … */
  readonly state?: string
  /** Gives up an attempt; newer versions have it. One that hangs keeps others waiting. */
  cancelConnect?(): unknown
  connectAsync(): Promise<unknown>
  disconnectAsync(): Promise<unknown>
  discoverSomeServicesAndCharacteristicsAsync(
    services: Array<string>,
    characteristics: Array<string>,
  ): Promise<{ readonly characteristics: ReadonlyArray<NobleCharacteristic> }>
  once(event: "disconnect", listener: () => void): unknown
}

export interface NobleCharacteristic {
  readonly uuid: string
  /** Such as `read`, `notify`, `indicate`. */
  readonly properties?: ReadonlyArray<string>
  subscribeAsync(): Promise<unknown>
  on(event: "data", listener: (data: Uint8Array) => void): unknown
}

export const nobleLink = (peripheral: NoblePeripheral): SensorLink => ({
  async connect(uuids, onPacket, onGone) {
    await peripheral.connectAsync()
    peripheral.once("disconnect", onGone)
    const { characteristics } = await peripheral.discoverSomeServicesAndCharacteristicsAsync([], [...uuids])
    for (const characteristic of characteristics) {
      const { properties } = characteristic
      const uuid = shortUuid(characteristic.uuid)
      // Of one that does not notify, some stacks wait for ever.
      if (properties !== undefined && !properties.some((name) => name === "notify" || name === "indicate")) continue
      characteristic.on("data", (data) => onPacket(uuid, data))
      await characteristic.subscribeAsync()
    }
  },
  disconnect: () => {
    if (peripheral.state === "connecting") peripheral.cancelConnect?.()
    // Asked of one that is not connected it waits for ever, and leaves the peripheral in between.
    if (peripheral.state === "connected") void peripheral.disconnectAsync().catch(() => {})
  },
})

const shortUuid = (uuid: string): string => uuid.toLowerCase().replace(/^0000(.{4})-0000-1000-8000-00805f9b34fb$/, "$1")
