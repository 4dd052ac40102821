/** What the help says of one command, and the flags that many commands share. */
import * as Settings from "../config/Settings.ts"

export interface Page {
  readonly usage: string
  readonly about: string
  readonly flags: ReadonlyArray<readonly [flag: string, meaning: string]>
  readonly examples: ReadonlyArray<string>
}

export type Flag = Page["flags"][number]

const placeholders: Readonly<Record<string, string>> = {
  host: "ADDRESS",
  port: "PORT",
  "allowed-origins": "LIST",
  "trusted-proxies": "LIST",
  data: "FOLDER",
  "log-format": "FORMAT",
  "log-level": "LEVEL",
  "live-frame-ms": "MS",
  "bridge-window": "N",
  metrics: "WHO",
  "stalled-after-seconds": "SECONDS",
  "log-keep-days": "DAYS",
  "backup-folder": "FOLDER",
  "backup-at": "HH:MM",
}

export const settingFlag = ({
  name,
  default: initial,
  description,
}: (typeof Settings.all)[keyof typeof Settings.all]): Flag => [
  `--${name} ${placeholders[name] ?? "N"}`,
  `${description} Default: ${initial || "none"}.`,
]

export const config: Flag = ["--config FILE", "Read settings from this TOML file instead of paceline.toml."]
export const json: Flag = ["--json", "Print JSON, for programs."]
export const everySetting: ReadonlyArray<Flag> = [...Object.values(Settings.all).map(settingFlag), config]
/** Of what is done to the server that runs here. */
export const local: ReadonlyArray<Flag> = [json, settingFlag(Settings.all.data), config]
