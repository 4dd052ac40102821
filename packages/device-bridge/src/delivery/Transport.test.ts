import { describe, expect, test } from "vitest"
import { standardLimits as limits } from "./Protocol.ts"
import * as Transport from "./Transport.ts"

const fail = (choice: Transport.Choice, now = 0): Transport.Choice =>
  Transport.failed(choice, Transport.next(choice, now, limits), now, 0.5, limits)

describe("the transport", () => {
  test("[bridge 15] after three WebSockets that got to no welcome it is HTTP's turn", () => {
    let choice = Transport.initial
    const tried = [0, 1, 2, 3].map(() => {
      const transport = Transport.next(choice, 0, limits)
      choice = fail(choice)
      return transport
    })
    expect(tried).toEqual(["websocket", "websocket", "websocket", "http"])
  })

  test("where nothing works both are tried in turn", () => {
    let choice: Transport.Choice = { blocked: 3, webSocketAt: null }
    const tried = Array.from({ length: 6 }, () => {
      const transport = Transport.next(choice, 0, limits)
      choice = fail(choice)
      return transport
    })
    expect(tried).toEqual(["http", "websocket", "http", "websocket", "http", "websocket"])
  })

  test("where HTTP works a WebSocket is tried again after some minutes, and HTTP goes on when that fails", () => {
    const working = Transport.welcomed({ blocked: 3, webSocketAt: null }, "http", 0, 0.5, limits)
    expect(Transport.next(working, 299_999, limits)).toBe("http")
    expect(Transport.next(working, 300_000, limits)).toBe("websocket")
    const failed = fail(working, 300_000)
    expect(Transport.next(failed, 300_001, limits)).toBe("http")
    // That HTTP welcomes again does not put the next attempt off.
    const again = Transport.welcomed(failed, "http", 400_000, 0.5, limits)
    expect(Transport.next(again, 600_000, limits)).toBe("websocket")
  })

  test("a WebSocket that is welcomed ends it", () => {
    expect(Transport.welcomed({ blocked: 5, webSocketAt: 1 }, "websocket", 0, 0.5, limits)).toEqual(Transport.initial)
  })

  test("without a fallback it is always a WebSocket", () => {
    const never = { ...limits, webSocketFailures: Number.POSITIVE_INFINITY }
    expect(Transport.next({ blocked: 1_000, webSocketAt: null }, 0, never)).toBe("websocket")
  })
})
