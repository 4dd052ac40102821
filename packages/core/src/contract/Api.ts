/** The HTTP API as data, group by group: the server implements it, OpenAPI and the docs page are made from it. */
import * as HttpApi from "@effect/platform/HttpApi"
import * as OpenApi from "@effect/platform/OpenApi"
import { DevicesApi } from "./DevicesApi.ts"
import { TooManyRequests } from "./Errors.ts"
import { GamificationApi } from "./GamificationApi.ts"
import { OperationsApi } from "./OperationsApi.ts"
import { PeopleApi } from "./PeopleApi.ts"
import { PrivacyApi } from "./PrivacyApi.ts"
import { SeriesApi } from "./SeriesApi.ts"
import { TrainingApi } from "./TrainingApi.ts"

export class PacelineApi extends HttpApi.make("paceline")
  .add(DevicesApi)
  .add(PeopleApi)
  .add(TrainingApi)
  .add(GamificationApi)
  .add(SeriesApi)
  .add(OperationsApi)
  .add(PrivacyApi)
  .addError(TooManyRequests)
  .prefix("/v1")
  .annotate(OpenApi.Title, "Paceline")
  .annotate(OpenApi.Version, "1")
  .annotate(OpenApi.Description, "The self-hosted engine for training together.")
  .annotate(OpenApi.License, { name: "Apache-2.0", url: "https://www.apache.org/licenses/LICENSE-2.0" }) {}
