/**
 * The longest that a timer of a host can wait, in milliseconds, some 25 days: one that should wait longer fires at once,
 * and one that should never fire, too.
 */
export const LONGEST_TIMER_MILLIS = 2 ** 31 - 1
