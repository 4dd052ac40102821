/**
 * A connection that the server has welcomed: which chunks are on their way, what may be acknowledged, and when
 * it is time for a heartbeat, a live frame or giving up.
 *
 * Chunks go up in the order of the buffer, never more of them than the server's window without an
 * acknowledgement, nor more bytes than its credit. An acknowledgement of what was never sent breaks the connection, because deleting on such
 * a word would lose data; one of what was acknowledged before is harmless.
 */
import { TelemetryFrame } from "@paceline/core/wire"
import type { Position } from "../buffer/ChunkBuffer.ts"
import type { Command, DeliveryLimits, Identity, Input, Problem } from "./Protocol.ts"
import * as SendBudget from "./SendBudget.ts"

interface InFlight extends Identity {
  readonly bytes: number
  readonly sentAt: number
}

export interface Streaming {
  readonly _tag: "Streaming"
  readonly welcomedAt: number
  readonly heardAt: number
  readonly saidAt: number
  readonly heartbeatAt: number
  readonly window: number
  /** Sent and not acknowledged, oldest first. */
  readonly inFlight: ReadonlyArray<InFlight>
  readonly budget: SendBudget.SendBudget
  /** Bytes of frames that the server allows in all on this connection, and those that went out. */
  readonly credit: number
  readonly spent: number
  /** The server has a frame for gaps. */
  readonly tellsGaps: boolean
  /** All that the buffer had went out. */
  readonly drained: boolean
  /** The greatest number of each incarnation that the server may acknowledge. */
  readonly sent: ReadonlyMap<string, number>
  /** The last chunk sent, in the order of the buffer. */
  readonly position: Position | null
  /** When an acknowledgement last moved, or when the first chunk went out after none was on its way. */
  readonly progressAt: number
  /** The socket takes no more until then; 0 when it does. */
  readonly congestedUntil: number
  readonly liveAt: number
  readonly livePending: boolean
}

/** What comes of an input: how the connection goes on, or why it does not. `progressed`: the server stored something. */
export type Turn =
  | { readonly link: Streaming; readonly commands: ReadonlyArray<Command>; readonly progressed?: boolean }
  | { readonly broken: Problem }

/** @param own this opening's incarnation and the last number appended in it when the hello was sent */
export const welcomed = (
  welcome: TelemetryFrame.Welcome,
  own: Identity | null,
  now: number,
  limits: DeliveryLimits,
): Turn => {
  // Of an older incarnation the server may have more than is here: this buffer may be a restored backup.
  const beyond = welcome.marks.find((mark) => own !== null && mark.incarnation === own.incarnation && mark.mark > own.n)
  if (beyond !== undefined) return overstepped(beyond.incarnation, beyond.mark)
  const stored = welcome.marks.filter(({ mark }) => mark > 0)
  const { link, commands } = pump({
    _tag: "Streaming",
    welcomedAt: now,
    heardAt: now,
    saidAt: now,
    heartbeatAt: now,
    window: Math.min(welcome.window, limits.maxInFlight),
    inFlight: [],
    budget: SendBudget.initial(now, limits),
    credit: welcome.credit ?? Number.POSITIVE_INFINITY,
    spent: 0,
    tellsGaps: welcome.speaks?.includes(TelemetryFrame.features.gap) ?? false,
    drained: false,
    sent: new Map(welcome.marks.map(({ incarnation, mark }) => [incarnation, mark])),
    position: null,
    progressAt: now,
    congestedUntil: 0,
    liveAt: Number.NEGATIVE_INFINITY,
    livePending: false,
  })
  const dropped = stored.map(({ incarnation, mark }): Command => ({ _tag: "Acknowledge", incarnation, n: mark }))
  return { link, commands: [...dropped, ...commands] }
}

/** All of the incarnation up to `n` is durable at the server. */
export const acknowledged = (
  link: Streaming,
  { incarnation, n }: Identity,
  now: number,
  limits: DeliveryLimits,
): Turn => {
  if (n > (link.sent.get(incarnation) ?? 0)) return overstepped(incarnation, n)
  const covers = (chunk: InFlight): boolean => chunk.incarnation === incarnation && chunk.n <= n
  const newest = link.inFlight.findLast(covers)
  if (newest === undefined) return { link, commands: [] }
  const ackedBytes = bytesOf(link.inFlight.filter(covers))
  const pumped = pump({
    ...link,
    inFlight: link.inFlight.filter((chunk) => !covers(chunk)),
    budget: SendBudget.acknowledged(link.budget, newest.sentAt, ackedBytes, now, limits),
    progressAt: now,
  })
  return { ...pumped, commands: [{ _tag: "Acknowledge", incarnation, n }, ...pumped.commands], progressed: true }
}

/** The server set this one chunk aside; what came before it is not acknowledged by that. */
export const quarantined = (
  link: Streaming,
  { incarnation, n, reason }: Omit<TelemetryFrame.Quarantined, "_tag">,
  now: number,
): Turn => {
  if (n > (link.sent.get(incarnation) ?? 0)) return overstepped(incarnation, n)
  const inFlight = link.inFlight.filter((chunk) => chunk.incarnation !== incarnation || chunk.n !== n)
  const pumped = pump({ ...link, inFlight, progressAt: now })
  return { ...pumped, commands: [{ _tag: "Quarantine", incarnation, n, reason }, ...pumped.commands], progressed: true }
}

/** The server allows so many bytes in all. An older word of it is harmless. */
export const credited = (link: Streaming, { bytes }: TelemetryFrame.Credit): Turn =>
  bytes > link.credit ? pump({ ...link, credit: bytes }) : { link, commands: [] }

/** There is something new in the buffer. */
export const appended = (link: Streaming): Turn => pump({ ...link, drained: false })

export const sent = (
  link: Streaming,
  { chunks, congested, drained }: Extract<Input, { readonly _tag: "Sent" }>,
  now: number,
  limits: DeliveryLimits,
): Turn => {
  const congestedUntil = congested ? now + limits.congestedMillis : 0
  const last = chunks.at(-1)
  if (last === undefined) return { link: { ...link, congestedUntil, drained }, commands: [] }
  const upTo = new Map(link.sent)
  for (const { incarnation, n } of chunks) upTo.set(incarnation, Math.max(n, upTo.get(incarnation) ?? 0))
  const ofChunks = chunks.map(({ incarnation, n, bytes }) => ({ incarnation, n, bytes, sentAt: now }))
  return {
    link: {
      ...link,
      inFlight: [...link.inFlight, ...ofChunks],
      spent: link.spent + bytesOf(ofChunks),
      drained,
      sent: upTo,
      position: { opened: last.opened, n: last.n },
      progressAt: link.inFlight.length === 0 ? now : link.progressAt,
      saidAt: now,
      congestedUntil,
    },
    commands: [],
  }
}

/** Asks for chunks when the window, the credit and the budget have room for them. */
const pump = (link: Streaming): { readonly link: Streaming; readonly commands: ReadonlyArray<Command> } => {
  const limit = link.window - link.inFlight.length
  const budgetBytes = Math.min(link.budget.bytes - bytesOf(link.inFlight), link.credit - link.spent)
  if (limit <= 0 || budgetBytes <= 0 || link.congestedUntil > 0 || link.drained) return { link, commands: [] }
  return {
    link,
    commands: [{ _tag: "SendChunks", after: link.position, limit, budgetBytes, gaps: link.tellsGaps }],
  }
}

/** Sends the newest readings, if there are any and the last were sent long enough ago. */
export const live = (
  link: Streaming,
  now: number,
  limits: DeliveryLimits,
): { readonly link: Streaming; readonly commands: ReadonlyArray<Command> } => {
  if (!link.livePending || now < link.liveAt + limits.liveMillis) return { link, commands: [] }
  return { link: { ...link, livePending: false, liveAt: now, saidAt: now }, commands: [{ _tag: "SendLive" }] }
}

/** Time has passed. */
export const ticked = (link: Streaming, now: number, limits: DeliveryLimits): Turn => {
  if (now >= link.heardAt + limits.deadMillis) return silent("heard", limits.deadMillis)
  if (now >= acknowledgementDue(link, limits)) return silent("acknowledged", limits.ackMillis)
  const beats = now >= heartbeatDue(link, limits)
  const afterBeat = beats ? { ...link, heartbeatAt: now, saidAt: now } : link
  const afterLive = live(afterBeat, now, limits)
  const relieved = link.congestedUntil > 0 && now >= link.congestedUntil
  const afterAll = relieved ? pump({ ...afterLive.link, congestedUntil: 0 }) : { link: afterLive.link, commands: [] }
  const heartbeat: ReadonlyArray<Command> = beats ? [{ _tag: "SendHeartbeat", echo: false }] : []
  return { link: afterAll.link, commands: [...heartbeat, ...afterLive.commands, ...afterAll.commands] }
}

/** When `ticked` would next have something to do. */
export const wakeAt = (link: Streaming, limits: DeliveryLimits): number =>
  Math.min(
    link.heardAt + limits.deadMillis,
    acknowledgementDue(link, limits),
    heartbeatDue(link, limits),
    link.livePending ? link.liveAt + limits.liveMillis : Number.POSITIVE_INFINITY,
    link.congestedUntil > 0 ? link.congestedUntil : Number.POSITIVE_INFINITY,
  )

const bytesOf = (chunks: ReadonlyArray<InFlight>): number => chunks.reduce((sum, { bytes }) => sum + bytes, 0)

const acknowledgementDue = (link: Streaming, limits: DeliveryLimits): number =>
  link.inFlight.length > 0 ? link.progressAt + limits.ackMillis : Number.POSITIVE_INFINITY

const heartbeatDue = (link: Streaming, limits: DeliveryLimits): number =>
  Math.max(Math.min(link.heardAt, link.saidAt), link.heartbeatAt) + limits.heartbeatMillis

const overstepped = (incarnation: string, n: number): Turn => ({
  broken: {
    code: "protocol",
    message: `The server acknowledged chunk ${n} of ${incarnation}, which it was never sent. Nothing was deleted.`,
  },
})

const silent = (what: "heard" | "acknowledged", millis: number): Turn => ({
  broken: { code: "dead", message: `Nothing was ${what} from the server for ${millis / 1000} s.` },
})
