/** Turns the key in `Authorization: Bearer …` into the actor of the request. */
import { Authentication } from "@paceline/core/contract"
import { Effect, Layer, Redacted } from "effect"
import { Keys } from "./Service.ts"

export const layer = Layer.effect(
  Authentication,
  Effect.map(Keys, (keys) => Authentication.of({ key: (token) => keys.resolve(Redacted.value(token).trim()) })),
)
