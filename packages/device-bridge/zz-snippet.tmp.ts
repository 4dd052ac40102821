import { openBridge, followPage } from "@paceline/device-bridge"
import { bunSqlite } from "@paceline/device-bridge/drivers/bun-sqlite"
import { peripheral, offload, keepConnected, nobleLink } from "@paceline/device-bridge/sources"
import { importFiles, readActivityFiles } from "@paceline/device-bridge/process"
const bridge = openBridge({ path: "/tmp/hn/snip/b.sqlite", driver: bunSqlite(), url: "http://127.0.0.1:20580", deviceId: "bridge-syet41zbmd2e", key: async () => "pl_xtikhi66gvuTtGN9wZ-N74WTIWCwPRTRGFpkPWPUnvI", onEvent: (e) => console.warn(e), liveKinds: [], power: "low", durability: "normal" })
const watch = { read: (p: number) => [{ at: Date.now(), bpm: 60 + p }] }
let page = Number(bridge.cursor("watch") ?? 0)
for (const beat of watch.read(page)) bridge.record("watch", "heartRate", beat.at, beat.bpm)
bridge.moveCursor("watch", String(page + 1))
const skin = bridge.stream({ kind: "skinTemperature", unit: "°C", hz: 4, sensor: "patch-1" })
skin.record(Date.now(), 33.4)
const packetAtMillis = Date.now()
skin.recordAll(packetAtMillis, [33.4, 33.5, 33.5, 33.6])
const packet = Uint8Array.of(0x10, 61, 0, 4)
bridge.recordRaw({ sensor: "strap-07", source: "2A37", atMillis: Date.now(), bytes: packet })
await bridge.flush()
for (const { id, source, bytes } of bridge.rawPackets(0, 100)) console.log(id, source, bytes)
const strap = peripheral(bridge, { sensor: "strap-07" })
strap.notify("2a37", packet)
console.log(offload(bridge, { source: "watch-3", log: "s1", records: [{ index: 0, strapMillis: 1000, samples: [{ kind: "heartRate", value: 70 }] }], look: { strapMillis: 2000, wallMillis: Date.now() } }))
bridge.setPower("normal")
await bridge.suspend({ deadlineMillis: 1000 }); bridge.resume()
const report = await readActivityFiles(["/work/shared/samples/fit/fr935-run.fit", "/work/shared/samples/gpx"], {
  onFile: ({ name, result }) => console.log(name, "_tag" in result ? result.message : result.sport),
})
console.log(`${report.files} activities, ${report.samples} samples, ${report.failed.length} unreadable`)
console.log(await importFiles(bridge, ["/work/shared/samples/fit/fr935-run.fit"], { sensor: "files" }))
await bridge.drained()
console.log(bridge.status())
await bridge.close()
