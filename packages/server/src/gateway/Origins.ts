/**
 * Which web pages may use this server from a browser.
 *
 * A browser says, in `Origin`, whose page is asking. Pages of this server may, and pages that are developed on this
 * machine (localhost); others only when they are allowed by name. So a page that somebody in the gym happens to open
 * cannot read the wall from inside their network. Programs that are no browser send no origin, and may.
 */
export interface Origins {
  readonly isAllowed: (request: Request) => boolean
  /** The answer to a browser's question whether it may ask. */
  readonly preflight: (request: Request) => Response
  /** The answer to a page that may not. */
  readonly refuse: (request: Request) => Response
  /** Tells the browser that the page may read the answer. */
  readonly share: (request: Request, response: Response) => Response
}

const LOCAL: ReadonlyArray<string> = ["localhost", "127.0.0.1", "[::1]"]

/** `allowed` are origins such as `https://app.example`; `*` allows every page. */
export const make = (allowed: ReadonlyArray<string>): Origins => {
  const isAllowed = (request: Request): boolean => {
    const origin = request.headers.get("origin")
    if (origin === null || allowed.includes("*") || allowed.includes(origin)) return true
    const url = URL.parse(origin)
    return url !== null && (url.host === request.headers.get("host") || LOCAL.includes(url.hostname))
  }

  const share = (request: Request, response: Response): Response => {
    const origin = request.headers.get("origin")
    if (origin === null) return response
    response.headers.append("vary", "Origin")
    if (!isAllowed(request)) return response
    response.headers.set("access-control-allow-origin", origin)
    response.headers.set("access-control-expose-headers", "paceline-session, retry-after")
    return response
  }

  return {
    isAllowed,
    share,
    refuse: (request) => {
      const origin = request.headers.get("origin")
      const message = `Pages of ${origin} may not use this server: see --allowed-origins.`
      return Response.json({ _tag: "Forbidden", message }, { status: 403 })
    },
    preflight: (request) =>
      share(
        request,
        new Response(null, {
          status: 204,
          headers: {
            "access-control-allow-methods": "GET, POST, PUT, DELETE",
            "access-control-allow-headers": "authorization, content-type, idempotency-key, paceline-session",
            "access-control-max-age": "600",
          },
        }),
      ),
  }
}
