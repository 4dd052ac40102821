/** A network that can fail: a TCP relay in front of a server that cuts, swallows or slows down what passes. */
import { once } from "node:events"
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net"

export class FlakyNetwork {
  readonly #target: number
  readonly #server: Server
  readonly #pairs = new Set<readonly [Socket, Socket]>()
  #swallows = false
  #bytesUntilCut = Number.POSITIVE_INFINITY
  #bytesPerSecond = Number.POSITIVE_INFINITY
  /** How often a connection was cut. */
  cuts = 0

  static async before(port: number): Promise<FlakyNetwork> {
    const network = new FlakyNetwork(port)
    network.#server.listen(0, "127.0.0.1")
    await once(network.#server, "listening")
    return network
  }

  private constructor(port: number) {
    this.#target = port
    this.#server = createServer((near) => this.#join(near))
  }

  get url(): string {
    const address = this.#server.address()
    return `ws://127.0.0.1:${isAddress(address) ? address.port : 0}`
  }

  /** Ends all connections after so many bytes more from the device, which is most often in the middle of a frame. */
  cutAfter(bytes: number): void {
    this.#bytesUntilCut = bytes
  }

  /** From now on nothing arrives in either direction, and nobody is told: connections are half-open. */
  swallow(): void {
    this.#swallows = true
  }

  /** New connections work again. */
  heal(): void {
    this.#swallows = false
    this.#bytesUntilCut = Number.POSITIVE_INFINITY
  }

  slowDown(bytesPerSecond: number): void {
    this.#bytesPerSecond = bytesPerSecond
  }

  close(): void {
    this.#cut()
    this.#server.close()
  }

  #cut(): void {
    for (const [near, far] of this.#pairs) {
      near.destroy()
      far.destroy()
    }
    this.#pairs.clear()
  }

  #join(near: Socket): void {
    const far = connect(this.#target, "127.0.0.1")
    const pair = [near, far] as const
    this.#pairs.add(pair)
    // Those that were swallowed once stay dead, as with a real half-open connection.
    let dead = false
    const passes = (): boolean => {
      dead ||= this.#swallows
      return !dead
    }
    near.on("data", (data) => {
      if (!passes() || typeof data === "string") return
      const passing = data.subarray(0, Math.min(data.length, this.#bytesUntilCut))
      this.#bytesUntilCut -= passing.length
      far.write(passing)
      if (this.#bytesUntilCut === 0) {
        this.#bytesUntilCut = Number.POSITIVE_INFINITY
        this.cuts++
        // What passed may still arrive; the rest never does.
        setTimeout(() => this.#cut(), 5)
        near.pause()
      } else if (Number.isFinite(this.#bytesPerSecond)) {
        near.pause()
        setTimeout(() => near.resume(), (1_000 * data.length) / this.#bytesPerSecond)
      }
    })
    far.on("data", (data) => {
      if (passes()) near.write(data)
    })
    const end = (): void => {
      this.#pairs.delete(pair)
      if (passes()) {
        near.destroy()
        far.destroy()
      }
    }
    for (const socket of pair) {
      socket.on("error", end)
      socket.on("close", end)
    }
  }
}

const isAddress = (address: string | AddressInfo | null): address is AddressInfo =>
  address !== null && typeof address !== "string"
