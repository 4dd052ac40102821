/** `/wall?class=ID&sort=name|effort&theme=dark|light` */
import { render } from "preact"
import { applyTheme } from "../parts/Theme.ts"
import { orderOf } from "./TileOrder.ts"
import { Wall } from "./Wall.tsx"

applyTheme()

const query = new URLSearchParams(location.search)
const asked = query.get("class")

render(
  <Wall classId={asked === null || asked === "" ? "main" : asked} order={orderOf(query.get("sort"))} />,
  document.body,
)
