/** What makers try their bridges on: a server that misbehaves and a network that fails, both real and both here. */
export { directLine } from "./DirectLine.ts"
export { FlakyNetwork } from "./FlakyNetwork.ts"
export { type Behaviour, type Line, SimulatedServer } from "./SimulatedServer.ts"
export { smallDisk } from "./SmallDisk.ts"
