/**
 * Files that other people's devices wrote, read into activities: FIT, GPX and TCX, in memory. This door runs
 * anywhere; whole folders and archives are read by `readActivityFiles`, which needs the files and threads of a
 * computer and stands at the door `process`.
 */
export type {
  Activity,
  ActivityFormat,
  CustomStream,
  FileUnreadable,
  FileUnreadableReason,
  Session,
  Span,
} from "./Activity.ts"
export { type FitActivity, readFitActivity } from "./FitActivity.ts"
export type { FitFileError, FitFileReason } from "./FitIntegrity.ts"
export { readActivity } from "./ReadActivity.ts"
export { type Recording, type Stream, sampleCount, streamOf } from "./Recording.ts"
