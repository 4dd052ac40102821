/** Which Paceline this is. */
import manifest from "../../package.json" with { type: "json" }

export const VERSION: string = manifest.version

/** The commit that a compiled program was built from; the build puts it here. */
declare const PACELINE_COMMIT: string | undefined

/** The version, and the commit where it is known: `0.1.0 (3abdb8935bcd)`. */
export const RELEASE: string = typeof PACELINE_COMMIT === "string" ? `${VERSION} (${PACELINE_COMMIT})` : VERSION
