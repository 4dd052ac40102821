/**
 * Tells one who listens, safely: a listener that throws must not keep what it was told of from being finished, or others
 * from hearing. Its error is thrown where nobody's call is: the host reports it as uncaught.
 */
export const safely =
  <Told>(listen: (told: Told) => void): ((told: Told) => void) =>
  (told) => {
    try {
      listen(told)
    } catch (error) {
      queueMicrotask(() => {
        throw error
      })
    }
  }
