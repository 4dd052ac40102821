/**
 * The telemetry door for bridges that no WebSocket gets through for: `POST /v1/telemetry`, with frames in the body and
 * frames in the answer.
 *
 * A request is a whole conversation with a session of its own, the same as over a WebSocket: a hello, then chunks,
 * gaps and live readings; the answer is the welcome and what came of them, each stored before it is acknowledged.
 * Only what is no sequence of frames is answered with an HTTP error; what is wrong with a frame, a `Problem` says.
 */
import { FrameSequence } from "@paceline/core/wire"
import { Effect } from "effect"
import type { TelemetryDoor } from "./TelemetryDoor.ts"

const refused = (message: string): Response => Response.json({ _tag: "Malformed", message }, { status: 400 })

export const exchange = (door: TelemetryDoor["Type"], address: string, request: Request): Effect.Effect<Response> =>
  Effect.promise(async () => {
    const body = await request.arrayBuffer().catch(() => null)
    if (body === null) return refused("The body did not come whole.")
    const [hello, ...rest] = FrameSequence.split(new Uint8Array(body)) ?? []
    if (hello === undefined)
      return refused("The body is no sequence of frames, each behind its length: see the protocol.")

    const said: Array<Uint8Array> = []
    const session = door.open({ address, lasts: false, send: (frame) => said.push(frame), close: () => {} })
    try {
      session.receive(hello)
      await session.settled()
      // Whoever was not welcomed hears of that, and not that frames before a welcome are wrong.
      if (session.isOpen) for (const frame of rest) session.receive(frame)
      await session.settled()
    } finally {
      door.closed(session)
    }
    const headers = { "content-type": FrameSequence.CONTENT_TYPE, "cache-control": "no-store" }
    return new Response(FrameSequence.join(said), { headers })
  })
