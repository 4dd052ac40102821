/**
 * Dark or light: what `?theme=` says, else what was chosen on this screen before, else what the system prefers.
 * The choice stands as `data-theme` on the root element, where `theme.css` reads it.
 */
import { useEffect, useState } from "preact/hooks"

export type Theme = "dark" | "light"

const STORAGE_KEY = "paceline.theme"

const isTheme = (value: unknown): value is Theme => value === "dark" || value === "light"

/** Storage may be forbidden (private windows, kiosks): then a choice lasts as long as the page. */
const remembered = (): unknown => {
  try {
    return localStorage.getItem(STORAGE_KEY)
  } catch {
    return null
  }
}

const remember = (theme: Theme): void => {
  try {
    localStorage.setItem(STORAGE_KEY, theme)
  } catch {
    // See above.
  }
}

const systemPrefersLight = matchMedia("(prefers-color-scheme: light)")

const chosen = (): Theme => {
  const asked = new URLSearchParams(location.search).get("theme")
  if (isTheme(asked)) return asked
  const before = remembered()
  if (isTheme(before)) return before
  return systemPrefersLight.matches ? "light" : "dark"
}

const show = (theme: Theme): void => {
  document.documentElement.dataset["theme"] = theme
}

/** Call before the first drawing, so that no page flashes in the other theme. */
export const applyTheme = (): void => show(chosen())

/** The theme of the page, and what changes to the other one. Follows the system until someone chooses. */
export const useTheme = (): readonly [Theme, () => void] => {
  const [theme, setTheme] = useState<Theme>(chosen)
  useEffect(() => show(theme), [theme])
  useEffect(() => {
    const follow = () => setTheme(chosen())
    systemPrefersLight.addEventListener("change", follow)
    return () => systemPrefersLight.removeEventListener("change", follow)
  }, [])
  const toggle = () => {
    const other = theme === "dark" ? "light" : "dark"
    remember(other)
    setTheme(other)
  }
  return [theme, toggle]
}
