/** `paceline bridge`: the bridge of @paceline/device-bridge, on the SQLite of this program. Its flags are its own. */
import { bunSqlite } from "@paceline/device-bridge/drivers/bun-sqlite"
import { processIo, runBridge } from "@paceline/device-bridge/process"
import { self } from "./rehearse/Self.ts"

/** Resolves to the exit code. */
export const bridge = (argv: ReadonlyArray<string>): Promise<number> =>
  runBridge(argv, { ...processIo(bunSqlite()), self: [...self, "bridge"] })
