/** Where the telemetry door of a server is. */

const DOOR = "/v1/telemetry"

/**
 * The WebSocket address of the door, from the address of the server: `http` and `https` become `ws` and `wss`,
 * and a path (behind a reverse proxy) is kept.
 *
 * @throws TypeError when `url` is no address of a server
 */
export const telemetryUrl = (url: string): string => {
  const address = URL.canParse(url) ? new URL(url) : null
  const protocol = address === null ? undefined : protocols[address.protocol]
  if (address === null || protocol === undefined || address.host === "") {
    throw new TypeError(
      `"${url}" is no address of a server. It looks like ws://192.168.1.20:8080 or https://gym.example.`,
    )
  }
  const path = address.pathname.replace(/\/+$/, "")
  return `${protocol}//${address.host}${path.endsWith(DOOR) ? path : path + DOOR}`
}

const protocols: Readonly<Record<string, string>> = { "ws:": "ws:", "http:": "ws:", "wss:": "wss:", "https:": "wss:" }
