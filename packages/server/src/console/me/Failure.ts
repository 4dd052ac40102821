/** What went wrong, in a sentence that may be shown: the client's errors say it themselves. */
export const sentenceOf = (error: unknown): string => (error instanceof Error ? error.message : "Something went wrong.")
