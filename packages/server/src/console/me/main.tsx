/** `/me?class=ID#key=…` */
import { render } from "preact"
import { applyTheme } from "../parts/Theme.ts"
import { Me } from "./Me.tsx"

applyTheme()

const asked = new URLSearchParams(location.search).get("class")

render(<Me classId={asked === null || asked === "" ? "main" : asked} />, document.body)
