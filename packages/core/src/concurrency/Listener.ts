/**
 * Tells one who listens, safely: a listener that throws must not keep what happens from being finished, or a place
 * would be lost. Its error is thrown where nobody's call is: the host reports it as uncaught.
 */
export const safely = <E>(listen: (event: E) => void): ((event: E) => void) => {
  return (event) => {
    try {
      listen(event)
    } catch (error) {
      queueMicrotask(() => {
        throw error
      })
    }
  }
}
