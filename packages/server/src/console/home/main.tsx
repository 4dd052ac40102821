/** `/` */
import { render } from "preact"
import { applyTheme } from "../parts/Theme.ts"
import { Home } from "./Home.tsx"

applyTheme()

render(<Home />, document.body)
