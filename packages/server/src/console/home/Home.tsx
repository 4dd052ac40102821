/** The front door: what runs here, where the wall is, and how the first bridge is connected. */
import type { ClassView, Tile } from "@paceline/client-sdk"
import { useEffect, useState } from "preact/hooks"
import { ConnectionState } from "../parts/ConnectionState.tsx"
import { PacelineMark } from "../parts/Icons.tsx"
import { useLiveClass } from "../parts/LiveClass.ts"
import { lookOf } from "../parts/TileLook.ts"
import { Command } from "./Command.tsx"

const CLASS = "main"

export const Home = () => {
  const live = useLiveClass(CLASS)
  const version = useVersion()
  return (
    <div class="home">
      <header class="home-bar">
        <p class="home-brand">
          <PacelineMark />
          <span>paceline</span>
        </p>
        <ConnectionState state={live.state} lastHeardAtMs={live.lastHeardAtMs} />
      </header>
      <main class="home-main">
        <section class="home-now" aria-labelledby="now">
          <h1 id="now">{headline(live)}</h1>
          <Glance tiles={live.tiles} />
          <p class="home-actions">
            <a class="home-button" href="/wall">
              Open the wall
            </a>
            <a class="home-link" href="/wall?theme=light">
              in the light theme
            </a>
          </p>
          <p class="home-hint">
            On a television: open this address in its browser and press the full-screen button. For another class, add
            its name: <code>/wall?class=NAME</code>
          </p>
        </section>
        <Connect />
        <section class="home-more" aria-labelledby="more">
          <h2 id="more">For developers</h2>
          <ul>
            <li>
              <a href="/docs">API documentation</a>
              <span>every call, explained</span>
            </li>
            <li>
              <a href="/openapi.json">OpenAPI description</a>
              <span>for your code generator</span>
            </li>
            <li>
              <a href="/readyz">Readiness</a>
              <span>whether the server keeps up</span>
            </li>
          </ul>
        </section>
      </main>
      <footer class="home-foot">
        <p>
          Paceline {version} at {location.host}
        </p>
      </footer>
    </div>
  )
}

const headline = ({ state, tiles }: Pick<ClassView, "state" | "tiles">): string => {
  if (state === "connecting") return "Looking for the class"
  if (state === "lost") return "The server does not answer"
  const training = tiles.filter(({ contact }) => contact !== "finished").length
  if (tiles.length === 0) return "Ready for the first strap"
  if (training === 0) return "The class is over"
  return training === 1 ? "One athlete is training" : `${training} athletes are training`
}

/** The wall at a glance: a spot an athlete, in the colour of the zone. The wall itself says it in full. */
const Glance = ({ tiles }: { readonly tiles: ReadonlyArray<Tile> }) => (
  <ul class="glance" aria-hidden="true">
    {tiles.map((tile) => (
      <li key={tile.athleteId} class="glance-spot" data-zone={lookOf(tile) === "zone" ? tile.zone : undefined} />
    ))}
  </ul>
)

const Connect = () => (
  <section class="home-connect" aria-labelledby="connect">
    <h2 id="connect">Connect a bridge</h2>
    <p>A bridge is the phone or box that hears the straps. Run the first three commands where the server runs.</p>
    <ol>
      <li>
        <p>Register the bridge. The answer shows its id and its key, once.</p>
        <Command text='paceline device add "Front desk"' />
      </li>
      <li>
        <p>Add an athlete. The answer shows their id, and the key for their own page.</p>
        <Command text='paceline athlete add "Mara"' />
      </li>
      <li>
        <p>Say who wears which strap, and in which class.</p>
        <Command text={`paceline device pair DEVICE strap-01 ATHLETE --class ${CLASS}`} />
      </li>
      <li>
        <p>Start the bridge, on any machine that reaches this one. Without a file it makes up an athlete.</p>
        <Command text={`paceline bridge --url ${bridgeUrl()} --device DEVICE --key KEY --athletes 1`} />
      </li>
    </ol>
  </section>
)

const bridgeUrl = (): string => `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}`

const useVersion = (): string => {
  const [version, setVersion] = useState("")
  useEffect(() => {
    const read = async () => {
      const answer: unknown = await (await fetch("/healthz")).json()
      if (typeof answer === "object" && answer !== null && "version" in answer && typeof answer.version === "string") {
        setVersion(answer.version)
      }
    }
    // Without an answer the version stays unsaid; the connection state above tells why.
    read().catch(() => {})
  }, [])
  return version
}
