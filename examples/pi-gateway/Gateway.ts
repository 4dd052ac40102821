/**
 * A gateway: every sensor that the radio finds is kept connected, and what it says goes into the bridge.
 *
 *     const gateway = listen(bridge, radio)
 *     …
 *     await gateway.stop()
 */
import type { Bridge } from "@paceline/device-bridge"
import {
  type KeepStatus,
  type Kept,
  keepConnected,
  type Peripheral,
  type PeripheralStatus,
  peripheral,
} from "@paceline/device-bridge/sources"
import type { GatewayRadio } from "./GatewayRadio.ts"

interface Heard {
  readonly sensor: string
  readonly link: KeepStatus
  readonly packets: PeripheralStatus
}

export interface Gateway {
  readonly heard: () => ReadonlyArray<Heard>
  /** Ends all connections. What was recorded stays in the bridge. */
  readonly stop: () => Promise<void>
}

export const listen = async (bridge: Bridge, radio: GatewayRadio): Promise<Gateway> => {
  const sensors: Array<{ readonly kept: Kept; readonly into: Peripheral }> = []
  await radio.start((sensor, link) => {
    const into = peripheral(bridge, { sensor })
    const onChange = ({ state, lastProblem }: KeepStatus): void => {
      if (state === "connected") console.log(`${sensor} is connected.`)
      if (state === "waiting") console.log(`${sensor} is gone${lastProblem === null ? "" : `: ${lastProblem}`}`)
    }
    sensors.push({ into, kept: keepConnected(link, into, { onChange }) })
  })
  return {
    heard: () =>
      sensors.map(({ into, kept }) => ({ sensor: into.sensor, link: kept.status(), packets: into.status() })),
    stop: async () => {
      await radio.stop()
      await Promise.all(sensors.map(({ kept }) => kept.stop()))
    },
  }
}
