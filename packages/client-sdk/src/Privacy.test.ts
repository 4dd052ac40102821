import { expect, it } from "vitest"
import { createClient, Forbidden, UnexpectedAnswer, Unreachable } from "./index.ts"

const END = '{"type":"end","records":1}\n'

/** A body that comes in these pieces, and then ends or breaks. */
const body = (pieces: ReadonlyArray<string>, broken = false): ReadableStream<Uint8Array<ArrayBuffer>> => {
  const left = pieces.map((piece) => new TextEncoder().encode(piece))
  return new ReadableStream({
    pull: (controller) => {
      const next = left.shift()
      if (next !== undefined) controller.enqueue(next)
      else if (broken) controller.error(new Error("cut"))
      else controller.close()
    },
  })
}

const answering = (...answers: ReadonlyArray<() => Response>) => {
  const asked: Array<[method: string, url: string]> = []
  const client = createClient({
    url: "http://gym.example",
    key: "pl_key",
    random: () => 0,
    fetch: async (url, init) => {
      asked.push([init.method ?? "GET", url])
      const answer = answers[Math.min(asked.length, answers.length) - 1]
      if (answer === undefined) throw new Error("nobody there")
      return answer()
    },
  })
  return { client, privacy: client.privacy("anna"), asked }
}

const read = async (pieces: AsyncIterable<Uint8Array>): Promise<string> => {
  let text = ""
  for await (const piece of pieces) text += new TextDecoder().decode(piece)
  return text
}

it("hands out the export as it comes, wherever it is split", async () => {
  const text = `{"type":"export"}\n${END}`
  for (let at = 0; at <= text.length; at++) {
    const { asked, privacy } = answering(() => new Response(body([text.slice(0, at), text.slice(at)])))
    expect(await read(privacy.export())).toBe(text)
    expect(asked).toEqual([["GET", "http://gym.example/v1/athletes/anna/export"]])
  }
})

it("an export that was cut is an error, whether the connection says so or not", async () => {
  const cut = answering(() => new Response(body(['{"type":"export"}\n'])))
  await expect(read(cut.privacy.export())).rejects.toBeInstanceOf(UnexpectedAnswer)
  const broken = answering(() => new Response(body(['{"type":"export"}\n'], true)))
  await expect(read(broken.privacy.export())).rejects.toBeInstanceOf(Unreachable)
  const refused = answering(() => Response.json({ _tag: "Forbidden", message: "Not yours." }, { status: 403 }))
  await expect(read(refused.privacy.export())).rejects.toBeInstanceOf(Forbidden)
})

it("who stops reading an export stops the answer", async () => {
  let isCancelled = false
  const endless = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull: (controller) => controller.enqueue(new TextEncoder().encode("x\n")),
    cancel: () => {
      isCancelled = true
    },
  })
  for await (const piece of answering(() => new Response(endless)).privacy.export()) {
    expect(piece.byteLength).toBe(2)
    break
  }
  expect(isCancelled).toBe(true)
})

it("erases, and follows it by the receipt", async () => {
  const running = { status: "running", step: "erasing", requestedAtMs: 5, completedAtMs: null }
  const erasing = answering(() => Response.json({ athleteId: "anna", ...running, receipt: "R-1" }, { status: 202 }))
  expect(await erasing.privacy.erase()).toMatchObject({ status: "running", receipt: "R-1" })
  expect(erasing.asked).toEqual([["DELETE", "http://gym.example/v1/athletes/anna"]])
  const done = { ...running, status: "complete", completedAtMs: 9 }
  const following = answering(() => Response.json(done))
  expect(await following.client.erasure("R-1")).toEqual(done)
  expect(following.asked).toEqual([["GET", "http://gym.example/v1/erasures/R-1"]])
  await expect(
    answering(() => Response.json({ ...done, status: "maybe" })).client.erasure("R-1"),
  ).rejects.toBeInstanceOf(UnexpectedAnswer)
})
