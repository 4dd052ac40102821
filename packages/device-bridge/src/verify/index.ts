/** What makers try their bridges on: the kit itself, and the server and the network that it does it with. */
export { directLine } from "./DirectLine.ts"
export { FlakyNetwork } from "./FlakyNetwork.ts"
export { type Door, listen } from "./Listen.ts"
export type { CheckResult, Report } from "./Report.ts"
export { type Behaviour, type Line, SimulatedServer, type StoredSample } from "./SimulatedServer.ts"
export { smallDisk } from "./SmallDisk.ts"
export { runVerify } from "./Verify.ts"
