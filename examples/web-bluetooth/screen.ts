/** What the page shows, and its three buttons. */
import type { BridgeStatus } from "@paceline/device-bridge"
import type { MeasurementOf } from "@paceline/device-bridge/gatt"
import type { KeepStatus } from "@paceline/device-bridge/sources"

/** What the curve shows, one heart rate a second: all of it at first, then the last two minutes. */
const LEAST_SECONDS = 30
const SECONDS = 120
const [WIDTH, HEIGHT] = [240, 64]

/** @throws when the page has no such element: a mistake in index.html */
const element = (id: string): HTMLElement => {
  const found = document.getElementById(id)
  if (found === null) throw new Error(`There is no #${id}.`)
  return found
}

const say = (id: string, text: string): void => {
  element(id).textContent = text
}

const LINE: Readonly<Record<BridgeStatus["state"], string>> = {
  connecting: "Connecting",
  connected: "Delivering",
  waiting: "Offline, recording goes on",
  refused: "The server said no",
  resting: "Resting",
  suspended: "Asleep",
  closed: "Closed",
}

const STRAP: Readonly<Record<KeepStatus["state"], string>> = {
  connecting: "connecting …",
  connected: "",
  waiting: "out of range, looking for it",
  stopped: "done",
}

export class Screen {
  readonly #buttons = { connect: element("connect"), simulate: element("simulate"), finish: element("finish") }
  #rates: ReadonlyArray<number> = []

  onConnect(listener: () => void): void {
    this.#enable(this.#buttons.connect, listener)
  }

  onSimulate(listener: () => void): void {
    this.#enable(this.#buttons.simulate, listener)
  }

  onFinish(listener: () => void): void {
    this.#enable(this.#buttons.finish, listener)
  }

  recording(goesOn: boolean): void {
    const { connect, finish, simulate } = this.#buttons
    connect.hidden = goesOn
    simulate.hidden = goesOn
    finish.hidden = !goesOn
  }

  strap(name: string, state: KeepStatus["state"], problem: string | null): void {
    say("strap", STRAP[state] === "" ? name : `${name}: ${STRAP[state]}`)
    if (state === "waiting" && problem !== null) console.warn(problem)
  }

  heart({ contactDetected, contactSupported, heartRateBpm, rrIntervalsSeconds }: MeasurementOf<"2A37">): void {
    say("bpm", String(heartRateBpm))
    element("bpm").removeAttribute("data-idle")
    const last = rrIntervalsSeconds?.at(-1)
    say("beat", last === undefined ? "" : `Last beat after ${Math.round(last * 1_000)} ms`)
    say("contact", contactSupported ? (contactDetected ? "On the skin" : "No skin contact") : "")
    this.#rates = [...this.#rates, heartRateBpm].slice(-SECONDS)
    this.#draw()
  }

  status(status: BridgeStatus, persistent: boolean): void {
    const line = element("line")
    line.dataset["state"] = status.state
    line.textContent = LINE[status.state]
    say("recorded", status.recordedSamples.toLocaleString("en"))
    say("waiting", status.waitingChunks.toLocaleString("en"))
    say("delivered", status.deliveredChunks.toLocaleString("en"))
    say("keeps", persistent ? "This browser has promised to keep the storage." : "This browser may clear the storage.")
  }

  notice(text: string | null): void {
    element("notice").hidden = text === null
    say("notice", text ?? "")
  }

  #enable(button: HTMLElement, listener: () => void): void {
    button.removeAttribute("disabled")
    button.addEventListener("click", listener)
  }

  #draw(): void {
    if (this.#rates.length < 2) return
    const low = Math.min(...this.#rates) - 4
    const high = Math.max(...this.#rates) + 4
    const seconds = Math.max(LEAST_SECONDS, this.#rates.length)
    const points = this.#rates.map((rate, i) => {
      const x = ((i + seconds - this.#rates.length) / (seconds - 1)) * WIDTH
      return `${x.toFixed(1)} ${(HEIGHT - ((rate - low) / (high - low)) * HEIGHT).toFixed(1)}`
    })
    const first = points[0]?.split(" ")[0] ?? "0"
    element("curve").setAttribute("d", `M${points.join("L")}`)
    element("area").setAttribute("d", `M${first} ${HEIGHT}L${points.join("L")}L${WIDTH} ${HEIGHT}Z`)
  }
}
