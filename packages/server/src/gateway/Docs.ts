/**
 * The API's own description: `/openapi.json`, and a page to read and try it, `/docs`, which works offline.
 *
 * The page's program is 1.9 MB, and most servers are never asked for it: it is loaded when somebody is.
 */
import * as OpenApi from "@effect/platform/OpenApi"
import { PacelineApi } from "@paceline/core/contract"

let specification: string | undefined

export const openApi = (): Response => {
  specification ??= JSON.stringify(OpenApi.fromApi(PacelineApi))
  return new Response(specification, { headers: { "content-type": "application/json" } })
}

let page: Promise<(request: Request) => Promise<Response>> | undefined

const loadPage = async () => {
  const [swagger, router] = await Promise.all([
    import("@effect/platform/HttpApiSwagger"),
    import("@effect/platform/HttpLayerRouter"),
  ])
  const { handler } = router.toWebHandler(swagger.layerHttpLayerRouter({ api: PacelineApi, path: "/docs" }), {
    disableLogger: true,
  })
  return (request: Request) => handler(request)
}

export const docs = async (request: Request): Promise<Response> => {
  page ??= loadPage()
  return (await page)(request)
}
