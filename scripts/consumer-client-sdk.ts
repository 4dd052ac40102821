/**
 * What a user of the published @paceline/client-sdk would write. See `consumer-core.ts`.
 * Nothing listens at the address: the client must say so, and nothing else.
 */
import assert from "node:assert/strict"
import { type ClassView, createClient } from "@paceline/client-sdk"

const client = createClient({ url: "http://127.0.0.1:9" })
const views: Array<ClassView> = []
const stop = client.classes("main").watch((view) => views.push(view))
await new Promise((resolve) => setTimeout(resolve, 50))
stop()
assert.notEqual(views[0], undefined)
assert.deepEqual(views[0]?.tiles, [])
assert.notEqual(views.at(-1)?.state, "live")
await assert.rejects(client.classes("main").leaderboard())
client.close()
