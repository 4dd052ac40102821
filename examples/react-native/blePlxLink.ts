/** A strap heard by `react-native-ble-plx`, as the bridge's sources want it. */
import type { SensorLink } from "@paceline/device-bridge/sources"
import type { Device } from "react-native-ble-plx"

export const blePlxLink = (device: Device): SensorLink => ({
  connect: async (uuids, onPacket, onGone) => {
    const connected = await device.connect()
    const subscription = connected.onDisconnected(() => {
      subscription.remove()
      onGone()
    })
    await connected.discoverAllServicesAndCharacteristics()
    for (const service of await connected.services()) {
      for (const characteristic of await service.characteristics()) {
        const uuid = shortUuid(characteristic.uuid)
        // Scales only indicate, which is to notify and wait for an answer.
        if (!uuids.includes(uuid) || !(characteristic.isNotifiable || characteristic.isIndicatable)) continue
        characteristic.monitor((_, heard) => {
          if (heard?.value) onPacket(uuid, bytesOf(heard.value))
        })
      }
    }
  },
  disconnect: () => void device.cancelConnection().catch(() => {}),
})

const shortUuid = (uuid: string): string => uuid.toLowerCase().replace(/^0000(.{4})-0000-1000-8000-00805f9b34fb$/, "$1")

/** The package gives base64. */
const bytesOf = (base64: string): Uint8Array => Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))
