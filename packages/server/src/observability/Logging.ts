/**
 * The log: for people on a terminal, one JSON object a line for programs.
 *
 * A line is `{ message, logLevel, timestamp, annotations, spans, cause, fiberId }`.
 */
import { Layer, Logger, LogLevel } from "effect"

export type Format = "pretty" | "json"

/** `auto` is pretty on a terminal. */
export const formatOf = (setting: "auto" | Format, isTerminal: boolean): Format =>
  setting === "auto" ? (isTerminal ? "pretty" : "json") : setting

const levels = {
  all: LogLevel.All,
  trace: LogLevel.Trace,
  debug: LogLevel.Debug,
  info: LogLevel.Info,
  warning: LogLevel.Warning,
  error: LogLevel.Error,
  fatal: LogLevel.Fatal,
  none: LogLevel.None,
} as const

export type Level = keyof typeof levels

export const layer = (format: Format, level: Level): Layer.Layer<never> =>
  Layer.merge(format === "pretty" ? Logger.pretty : Logger.json, Logger.minimumLogLevel(levels[level]))
