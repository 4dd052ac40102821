/** The worker beside the page: the whole bridge. */
import { serveBridge } from "@paceline/device-bridge/browser/worker"

serveBridge()
