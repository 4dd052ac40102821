/** A real WebSocket for a test: frames go out, frames that came are waited for in their order. */
import { Effect } from "effect"

const WAIT_MILLIS = 5_000

export class TestSocket<Frame extends { readonly _tag: string }> {
  readonly frames: Array<Frame> = []
  closeCode: number | null = null
  readonly #socket: WebSocket
  readonly #waiting = new Set<() => void>()
  #read = 0

  private constructor(socket: WebSocket, decode: (bytes: Uint8Array) => Frame) {
    this.#socket = socket
    socket.addEventListener("message", ({ data }) => {
      this.frames.push(decode(new Uint8Array(data)))
      this.#wake()
    })
    socket.addEventListener("close", ({ code }) => {
      this.closeCode = code
      this.#wake()
    })
  }

  /** Opens it; it closes with the scope. */
  static open<Frame extends { readonly _tag: string }>(url: string, decode: (bytes: Uint8Array) => Frame) {
    return Effect.acquireRelease(
      Effect.promise(async () => {
        const socket = new WebSocket(url.replace("http", "ws"))
        socket.binaryType = "arraybuffer"
        const wrapped = new TestSocket(socket, decode)
        await new Promise<void>((resolve, reject) => {
          socket.addEventListener("open", () => resolve())
          socket.addEventListener("error", () => reject(new Error("the socket did not open")))
        })
        return wrapped
      }),
      (wrapped) => Effect.sync(() => wrapped.#socket.close()),
    )
  }

  send(frame: Uint8Array<ArrayBuffer> | string): void {
    this.#socket.send(frame)
  }

  close(): void {
    this.#socket.close()
  }

  /** The next frame that is not a heartbeat. */
  readonly next: Effect.Effect<Frame> = Effect.promise(async () => {
    await this.#until(() => {
      while (this.frames[this.#read]?._tag === "Heartbeat") this.#read++
      return this.#read < this.frames.length
    }, "another frame")
    return this.frames[this.#read++]!
  })

  /** The code it was closed with. */
  readonly closed: Effect.Effect<number> = Effect.promise(async () => {
    await this.#until(() => this.closeCode !== null, "the close")
    return this.closeCode!
  })

  async #until(done: () => boolean, what: string): Promise<void> {
    const deadline = performance.now() + WAIT_MILLIS
    while (!done()) {
      if (performance.now() > deadline) throw new Error(`waited for ${what}; so far: ${JSON.stringify(this.frames)}`)
      await new Promise<void>((resolve) => {
        const wake = () => {
          clearTimeout(timer)
          this.#waiting.delete(wake)
          resolve()
        }
        const timer = setTimeout(wake, 100)
        this.#waiting.add(wake)
      })
    }
  }

  #wake(): void {
    for (const wake of this.#waiting) wake()
  }
}
