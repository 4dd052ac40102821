/**
 * Properties are checked with one seed, so that a run can be repeated; PACELINE_SEED=N tries others. A property that
 * names a seed of its own keeps it.
 */
import fc from "fast-check"

fc.configureGlobal({ seed: Number(process.env["PACELINE_SEED"] ?? 20_261_120) })
