/**
 * The athlete's own page, on a phone: how they appear on the wall, what they let others see, what they
 * have done, and their data, to be taken along or erased.
 */
import {
  type Client,
  Conflict,
  createClient,
  Forbidden,
  InvalidRequest,
  NotFound,
  type Profile,
  Unauthorized,
} from "@paceline/client-sdk"
import { useCallback, useEffect, useMemo, useState } from "preact/hooks"
import { ConnectionState } from "../parts/ConnectionState.tsx"
import { PacelineMark } from "../parts/Icons.tsx"
import { useLiveClass } from "../parts/LiveClass.ts"
import { TileCard } from "../parts/TileCard.tsx"
import { Activities } from "./Activities.tsx"
import { ConflictChooser } from "./ConflictChooser.tsx"
import { Erasure, ErasureUnseen } from "./Erasure.tsx"
import { sentenceOf } from "./Failure.ts"
import { fragmentOf, fragmentOfReceipt, keyIn, receiptIn } from "./Key.ts"
import { MyData } from "./MyData.tsx"
import { ProfileEditor } from "./ProfileEditor.tsx"
import * as Form from "./ProfileForm.ts"

export const Me = ({ classId }: { readonly classId: string }) => {
  const hash = useHash()
  const key = keyIn(hash)
  const receipt = receiptIn(hash)
  const live = useLiveClass(classId)
  return (
    <div class="me">
      <header class="me-bar">
        <a class="me-brand" href="/">
          <PacelineMark />
          <span>paceline</span>
        </a>
        <ConnectionState state={live.state} lastHeardAtMs={live.lastHeardAtMs} />
      </header>
      {receipt !== null ? (
        <Erasure key={receipt} receipt={receipt} />
      ) : key !== null ? (
        <MyProfile key={key} athleteKey={key} live={live} classId={classId} />
      ) : (
        <AskForKey />
      )}
    </div>
  )
}

const useHash = (): string => {
  const [hash, setHash] = useState(location.hash)
  useEffect(() => {
    const changed = () => setHash(location.hash)
    addEventListener("hashchange", changed)
    return () => removeEventListener("hashchange", changed)
  }, [])
  return hash
}

const AskForKey = ({ refused }: { readonly refused?: string }) => {
  const [text, setText] = useState("")
  const use = (event: Event) => {
    event.preventDefault()
    const key = keyIn(text)
    if (key !== null) location.hash = fragmentOf(key)
  }
  return (
    <main class="me-main">
      <h1>{refused === undefined ? "This page needs your link" : "This link does not work"}</h1>
      <p class="me-lead" role={refused === undefined ? undefined : "alert"}>
        {refused ?? "Open the link that your gym gave you, or paste it here. It ends with your personal key."}
      </p>
      <form class="me-card me-key" onSubmit={use}>
        <label for="key">Your link or key</label>
        <input
          id="key"
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
          autocomplete="off"
          autocapitalize="none"
          spellcheck={false}
        />
        <button class="me-button" type="submit" disabled={keyIn(text) === null}>
          Open my page
        </button>
      </form>
    </main>
  )
}

type Loaded =
  | { readonly _tag: "Loading" }
  | { readonly _tag: "Refused"; readonly message: string }
  | { readonly _tag: "Away"; readonly message: string }
  | { readonly _tag: "Ready"; readonly form: Form.ProfileForm }
  | { readonly _tag: "Erased" }

interface MyProfileProps {
  readonly athleteKey: string
  readonly live: ReturnType<typeof useLiveClass>
  readonly classId: string
}

const MyProfile = ({ athleteKey, live, classId }: MyProfileProps) => {
  const client = useMemo(() => createClient({ url: location.origin, key: athleteKey }), [athleteKey])
  const [loaded, setLoaded] = useState<Loaded>({ _tag: "Loading" })
  const load = useCallback(async () => {
    setLoaded({ _tag: "Loading" })
    setLoaded(await read(client))
  }, [client])
  useEffect(() => {
    void load()
    return () => client.close()
  }, [client, load])

  switch (loaded._tag) {
    case "Loading":
      return (
        <main class="me-main" aria-busy="true">
          <h1>One moment</h1>
          <p class="me-lead">Reading your profile.</p>
        </main>
      )
    case "Refused":
      return <AskForKey refused={loaded.message} />
    case "Away":
      return (
        <main class="me-main">
          <h1>The server is away</h1>
          <p class="me-lead" role="alert">
            {loaded.message}
          </p>
          <button class="me-button" type="button" onClick={() => void load()}>
            Try again
          </button>
        </main>
      )
    case "Erased":
      return <ErasureUnseen />
    case "Ready": {
      const setForm = (form: Form.ProfileForm) => setLoaded({ _tag: "Ready", form })
      const { form } = loaded
      const { athleteId, maxHeartRateBpm } = form.saved
      const tile = live.tiles.find((one) => one.athleteId === athleteId)
      return (
        <main class="me-main me-main-whole">
          <h1>Hello, {form.saved.alias}</h1>
          <MyTile profile={form.saved} live={live} classId={classId} />
          <Activities
            client={client}
            athleteId={athleteId}
            maxHeartRateBpm={maxHeartRateBpm}
            news={tile?.contact === "finished"}
          />
          <section class="me-profile" aria-labelledby="profile">
            <h2 id="profile">Your profile</h2>
            {form.conflict === null ? (
              <ProfileEditor form={form} onChange={setForm} onSave={(current) => void save(client, current, setForm)} />
            ) : (
              <ConflictChooser
                conflict={form.conflict}
                isSaving={form.phase === "saving"}
                problem={form.problem}
                onPick={(field, side) => setForm(Form.pick(form, field, side))}
                onSave={() => void save(client, form, setForm)}
              />
            )}
          </section>
          <MyData
            client={client}
            profile={form.saved}
            onErased={(receipt) => {
              if (receipt !== null) location.replace(fragmentOfReceipt(receipt))
              else setLoaded({ _tag: "Erased" })
            }}
          />
        </main>
      )
    }
  }
}

const read = async (client: Client): Promise<Loaded> => {
  try {
    return { _tag: "Ready", form: Form.begin(await client.me.get()) }
  } catch (error) {
    if (error instanceof Unauthorized || error instanceof Forbidden || error instanceof NotFound) {
      return {
        _tag: "Refused",
        message: "The key in it is not known here. It may be old or cut short: ask at the desk for a new one.",
      }
    }
    return { _tag: "Away", message: sentenceOf(error) }
  }
}

/** Saves what was chosen. When the same was changed elsewhere meanwhile, the athlete chooses between both. */
const save = async (client: Client, form: Form.ProfileForm, show: (form: Form.ProfileForm) => void): Promise<void> => {
  const checked = Form.check(form)
  show(checked.form)
  if (checked._tag === "Invalid") return
  try {
    show(Form.saved(checked.form, await client.me.change(checked.seen, checked.choices)))
  } catch (error) {
    if (error instanceof Conflict) show(Form.conflicted(checked.form, error))
    else if (error instanceof InvalidRequest) show(Form.failed(checked.form, error.message, error.issues))
    else show(Form.failed(checked.form, sentenceOf(error)))
  }
}

interface MyTileProps {
  readonly profile: Profile
  readonly live: MyProfileProps["live"]
  readonly classId: string
}

/** The tile as everyone sees it. */
const MyTile = ({ profile, live, classId }: MyTileProps) => {
  const tile = live.tiles.find(({ athleteId }) => athleteId === profile.athleteId)
  return (
    <section class="me-tile" data-state={live.state} aria-label="Your tile on the wall">
      {tile === undefined ? (
        <p class="me-tile-empty">Your tile appears here with your first heartbeat. Put on your strap.</p>
      ) : (
        <>
          <TileCard tile={tile} silentSinceMs={live.silence.get(tile.athleteId)?.sinceMs ?? null} />
          <p class="me-tile-note">
            This is what everyone sees on <a href={`/wall?class=${encodeURIComponent(classId)}`}>the wall</a>.
          </p>
        </>
      )}
    </section>
  )
}
