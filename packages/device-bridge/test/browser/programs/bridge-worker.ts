/** The worker of a page with a bridge, as an application writes it. */
import { serveBridge } from "../../../src/browser/worker.ts"

serveBridge()
