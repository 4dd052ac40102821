import * as HttpApp from "@effect/platform/HttpApp"
import { describe, expect, it } from "@effect/vitest"
import { Effect, Logger } from "effect"
import { answerErrors } from "./HttpErrors.ts"

describe("A request that fails in a way that nobody expected", () => {
  it.effect("is answered with an id, and only the log tells more, under that id", () =>
    Effect.gen(function* () {
      const logged: Array<string> = []
      const logger = Logger.map(Logger.logfmtLogger, (line) => logged.push(line))
      const app = answerErrors(Effect.dieMessage("the secret inside"))
      const response = yield* Effect.promise(() =>
        HttpApp.toWebHandler(Effect.provide(app, Logger.replace(Logger.defaultLogger, logger)))(
          new Request("http://localhost/v1/x"),
        ),
      )
      const body = yield* Effect.promise(() => response.json())
      expect(response.status).toBe(500)
      expect(body).toEqual({ _tag: "InternalError", id: expect.any(String), message: expect.stringContaining(body.id) })
      expect(JSON.stringify(body)).not.toContain("secret")
      expect(logged).toHaveLength(1)
      expect(logged[0]).toContain("the secret inside")
      expect(logged[0]).toContain(body.id)
    }),
  )
})
