/** Files that other people's devices wrote, read into recordings. */
export { type FitActivity, readFitActivity } from "./FitActivity.ts"
export type { FitFileError, FitFileReason } from "./FitIntegrity.ts"
export { type Recording, type Stream, sampleCount, streamOf } from "./Recording.ts"
