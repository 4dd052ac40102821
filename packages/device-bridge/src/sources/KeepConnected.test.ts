import { EventEmitter } from "node:events"
import { setImmediate as settle } from "node:timers/promises"
import { describe, expect, test, vi } from "vitest"
import { type KeepStatus, keepConnected, type Timing } from "./KeepConnected.ts"
import { peripheral } from "./Peripheral.ts"
import { nobleLink, type SensorLink, webBluetoothLink } from "./Radio.ts"

const BEAT = Uint8Array.of(0, 60)

/** Time that passes when it is told to. */
const handTime = (random = 1 - Number.EPSILON) => {
  let now = 0
  let timers: Array<{ readonly at: number; readonly wake: () => void }> = []
  const timing: Timing = {
    after: (millis, wake) => {
      const timer = { at: now + millis, wake }
      timers.push(timer)
      return () => {
        timers = timers.filter((other) => other !== timer)
      }
    },
    steadyMillis: () => now,
    random: () => random,
  }
  const pass = async (millis: number): Promise<void> => {
    now += millis
    const due = timers.filter(({ at }) => at <= now)
    timers = timers.filter(({ at }) => at > now)
    for (const { wake } of due) wake()
    await settle()
    await settle()
  }
  return { timing, pass }
}

const listening = () => {
  const values: Array<number> = []
  const strap = peripheral({ record: (_, __, ___, value) => values.push(value) > 0 }, { sensor: "strap-07" })
  return { strap, values }
}

/** A link in the test's hand. */
const handLink = () => {
  const calls: Array<{
    readonly packet: () => void
    readonly gone: () => void
    readonly connected: () => void
    readonly failed: () => void
  }> = []
  let disconnects = 0
  const link: SensorLink = {
    connect: (_, onPacket, onGone) =>
      new Promise((resolve, reject) => {
        calls.push({
          packet: () => onPacket("2a37", BEAT),
          gone: onGone,
          connected: resolve,
          failed: () => reject(new Error("not there")),
        })
      }),
    disconnect: () => {
      disconnects++
    },
  }
  return { link, calls, disconnects: () => disconnects }
}

describe("a sensor that is kept connected", () => {
  test("[bridge 41] a flapping link: waits double over its short connections, and begin anew after a long one", async () => {
    const { timing, pass } = handTime()
    const { link, calls } = handLink()
    const { strap } = listening()
    const waits: Array<number> = []
    const kept = keepConnected(link, strap, {
      timing,
      onChange: ({ state, waitMillis }: KeepStatus) => state === "waiting" && waits.push(waitMillis),
    })
    for (const lasted of [1_000, 500, 2_000, 45_000, 100]) {
      calls.at(-1)?.connected()
      await settle()
      expect(kept.status().state).toBe("connected")
      await pass(lasted)
      calls.at(-1)?.gone()
      await settle()
      await pass(waits.at(-1) ?? 0)
    }
    expect(waits).toEqual([499, 999, 1_999, 499, 999])
    expect(kept.status().connections).toBe(5)
    await kept.stop()
    expect(kept.status().state).toBe("stopped")
  })

  test("an attempt that fails or hangs is one more failure, and is told", async () => {
    const { timing, pass } = handTime()
    const { link, calls, disconnects } = handLink()
    const { strap, values } = listening()
    const kept = keepConnected(link, strap, { timing })
    calls[0]?.failed()
    await settle()
    expect(kept.status()).toMatchObject({
      state: "waiting",
      failedAttempts: 1,
      waitMillis: 499,
      lastProblem: "not there",
    })
    await pass(499)
    expect(calls.length).toBe(2)
    await pass(20_000)
    expect(kept.status()).toMatchObject({ state: "waiting", failedAttempts: 2, waitMillis: 999 })
    expect(disconnects()).toBe(2)
    // The attempt that hung comes after all: nobody listens to it, and it does not stay open.
    calls[1]?.packet()
    expect(values).toEqual([])
    calls[1]?.connected()
    await settle()
    expect(disconnects()).toBe(3)
    await kept.stop()
  })

  test("packets flow into the peripheral, those of a connection that is over do not", async () => {
    const { timing, pass } = handTime()
    const { link, calls } = handLink()
    const { strap, values } = listening()
    const kept = keepConnected(link, strap, { timing })
    calls[0]?.connected()
    await settle()
    calls[0]?.packet()
    expect(values).toEqual([60])
    calls[0]?.gone()
    await settle()
    await pass(499)
    calls[0]?.packet()
    expect(values).toEqual([60])
    await kept.stop()
    expect(calls.length).toBe(2)
  })
})

describe("Bluetooth stacks", () => {
  test("a peripheral of noble: connects, subscribes to what it knows, and says when it is gone", async () => {
    const heart = Object.assign(new EventEmitter(), { uuid: "2a37", subscribeAsync: async () => {} })
    const asked: Array<ReadonlyArray<string>> = []
    let disconnects = 0
    const noble = Object.assign(new EventEmitter(), {
      state: "disconnected",
      connectAsync: async () => {
        noble.state = "connected"
      },
      disconnectAsync: async () => {
        disconnects++
      },
      discoverSomeServicesAndCharacteristicsAsync: async (_: Array<string>, characteristics: Array<string>) => {
        asked.push(characteristics)
        return { characteristics: [heart] }
      },
    })
    const { timing, pass } = handTime()
    const { strap, values } = listening()
    const kept = keepConnected(nobleLink(noble), strap, { timing })
    await settle()
    expect(kept.status().state).toBe("connected")
    heart.emit("data", Buffer.from(BEAT))
    expect(values).toEqual([60])
    expect(asked[0]).toContain("2ad2")
    noble.state = "disconnected"
    noble.emit("disconnect")
    await settle()
    expect(kept.status().state).toBe("waiting")
    expect(disconnects).toBe(0)
    await pass(499)
    expect(kept.status().state).toBe("connected")
    await kept.stop()
    expect(disconnects).toBe(1)
  })

  test("a device of Web Bluetooth: the same", async () => {
    const characteristic = Object.assign(new EventTarget(), {
      uuid: "00002a37-0000-1000-8000-00805f9b34fb",
      value: new DataView(Uint8Array.from(BEAT).buffer),
      startNotifications: async () => {},
    })
    const other = Object.assign(new EventTarget(), {
      uuid: "00002a29-0000-1000-8000-00805f9b34fb",
      value: null,
      startNotifications: () => Promise.reject(new Error("asked for what nobody can read")),
    })
    const device = Object.assign(new EventTarget(), {
      gatt: {
        connect: async () => ({
          getPrimaryServices: async () => [{ getCharacteristics: async () => [other, characteristic] }],
        }),
        disconnect: () => {},
      },
    })
    const { timing } = handTime()
    const { strap, values } = listening()
    const kept = keepConnected(webBluetoothLink(device), strap, { timing })
    for (let turn = 0; turn < 3; turn++) await settle()
    expect(kept.status().state).toBe("connected")
    characteristic.dispatchEvent(new Event("characteristicvaluechanged"))
    expect(values).toEqual([60])
    device.dispatchEvent(new Event("gattserverdisconnected"))
    await settle()
    expect(kept.status().state).toBe("waiting")
    await kept.stop()
  })

  test("a battery that is only told when it is read keeps nobody from hearing the heart", async () => {
    const battery = Object.assign(new EventEmitter(), {
      uuid: "2a19",
      properties: ["read"],
      subscribeAsync: () => new Promise(() => {}),
    })
    const heart = Object.assign(new EventEmitter(), {
      uuid: "2a37",
      properties: ["notify"],
      subscribeAsync: async () => {},
    })
    const noble = Object.assign(new EventEmitter(), {
      state: "connected",
      connectAsync: async () => {},
      disconnectAsync: async () => {},
      discoverSomeServicesAndCharacteristicsAsync: async () => ({ characteristics: [battery, heart] }),
    })
    const { values, strap } = listening()
    const kept = keepConnected(nobleLink(noble), strap, { timing: handTime().timing })
    await settle()
    expect(kept.status().state).toBe("connected")
    heart.emit("data", BEAT)
    expect(values).toEqual([60])
    await kept.stop()

    const readable = Object.assign(new EventTarget(), {
      uuid: "00002a19-0000-1000-8000-00805f9b34fb",
      properties: { notify: false, indicate: false },
      startNotifications: () => Promise.reject(new Error("GATT Error: Not supported.")),
    })
    const scale = Object.assign(new EventTarget(), {
      uuid: "00002a9d-0000-1000-8000-00805f9b34fb",
      properties: { notify: false, indicate: true },
      asked: 0,
      startNotifications: async () => void scale.asked++,
    })
    const device = Object.assign(new EventTarget(), {
      gatt: {
        connect: async () => ({
          getPrimaryServices: async () => [{ getCharacteristics: async () => [readable, scale] }],
        }),
        disconnect: () => {},
      },
    })
    const web = keepConnected(webBluetoothLink(device), strap, { timing: handTime().timing })
    for (let turn = 0; turn < 3; turn++) await settle()
    expect(web.status()).toMatchObject({ state: "connected", lastProblem: null })
    expect(scale.asked).toBe(1)
    await web.stop()
  })

  test("attempts at a device of Web Bluetooth that come to nothing leave no listeners behind", async () => {
    let listeners = 0
    const device = {
      addEventListener: () => listeners++,
      gatt: { connect: () => Promise.reject(new Error("out of range")), disconnect: () => {} },
    }
    const { timing, pass } = handTime(0)
    const kept = keepConnected(webBluetoothLink(device), listening().strap, { timing })
    for (let turn = 0; turn < 5; turn++) await pass(1)
    expect(kept.status().failedAttempts).toBeGreaterThan(3)
    expect(listeners).toBe(1)
    await kept.stop()
  })
})

test("an attempt may take as long as it likes, on the host's own timers", async () => {
  const { link, calls } = handLink()
  const kept = keepConnected(link, listening().strap, { connectWithinMillis: Number.POSITIVE_INFINITY })
  await new Promise((resolve) => setTimeout(resolve, 30))
  expect(kept.status()).toMatchObject({ state: "connecting", failedAttempts: 0 })
  calls[0]?.connected()
  await settle()
  expect(kept.status().state).toBe("connected")
  await kept.stop()
})

test("a listener that throws does not end the attempts", async () => {
  const thrown: Array<unknown> = []
  vi.stubGlobal("queueMicrotask", (task: () => void) => {
    void Promise.resolve()
      .then(task)
      .catch((error: unknown) => thrown.push(error))
  })
  const { timing, pass } = handTime()
  const { link, calls } = handLink()
  const fault = new Error("the listener's own")
  const kept = keepConnected(link, listening().strap, {
    timing,
    onChange: () => {
      throw fault
    },
  })
  calls[0]?.failed()
  await settle()
  await pass(499)
  expect(calls.length).toBe(2)
  await kept.stop()
  expect(new Set(thrown)).toEqual(new Set([fault]))
  vi.unstubAllGlobals()
})
