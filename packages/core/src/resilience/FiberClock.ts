/** Reads the clock of a running fiber without an operator: the hot paths of this folder need the time twice a call. */
import { Clock, Context, type Fiber } from "effect"

export const nowMillis = (fiber: Fiber.RuntimeFiber<unknown, unknown>): number =>
  Context.unsafeGet(fiber.currentDefaultServices, Clock.Clock).unsafeCurrentTimeMillis()
