/** Theme and full screen. They step back while nobody moves, so that a wall shows only athletes. */
import { useEffect, useState } from "preact/hooks"
import { FullScreenIcon, MoonIcon, SunIcon } from "../parts/Icons.tsx"
import { useTheme } from "../parts/Theme.ts"

/** How long after the last movement the tools and the pointer are hidden, in milliseconds. */
const IDLE_AFTER_MILLIS = 4_000

export const Tools = () => {
  const [theme, toggleTheme] = useTheme()
  const idle = useIdle()
  const themeLabel = theme === "dark" ? "Light theme" : "Dark theme"
  return (
    <div class="tools" data-idle={idle}>
      <button type="button" class="tool" onClick={toggleTheme} title={themeLabel} aria-label={themeLabel}>
        {theme === "dark" ? <SunIcon /> : <MoonIcon />}
      </button>
      {document.fullscreenEnabled && (
        <button
          type="button"
          class="tool tool-screen"
          onClick={toggleFullScreen}
          title="Full screen (F)"
          aria-label="Full screen"
        >
          <FullScreenIcon />
        </button>
      )}
    </div>
  )
}

const toggleFullScreen = (): void => {
  const change =
    document.fullscreenElement === null ? document.documentElement.requestFullscreen() : document.exitFullscreen()
  // A browser may refuse, in a frame for example; the page then stays as it is.
  change.catch(() => {})
}

/** True when nobody has touched the page for a while. Also hides the pointer, through `data-idle` on the root. */
const useIdle = (): boolean => {
  const [idle, setIdle] = useState(false)
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>
    const moved = () => {
      setIdle(false)
      clearTimeout(timer)
      timer = setTimeout(() => setIdle(true), IDLE_AFTER_MILLIS)
    }
    const pressed = (event: KeyboardEvent) => {
      moved()
      if (event.key.toLowerCase() === "f" && !event.ctrlKey && !event.metaKey && !event.altKey) toggleFullScreen()
    }
    moved()
    addEventListener("pointermove", moved)
    addEventListener("pointerdown", moved)
    addEventListener("keydown", pressed)
    return () => {
      clearTimeout(timer)
      removeEventListener("pointermove", moved)
      removeEventListener("pointerdown", moved)
      removeEventListener("keydown", pressed)
    }
  }, [])
  useEffect(() => {
    document.documentElement.toggleAttribute("data-idle", idle)
  }, [idle])
  return idle
}
