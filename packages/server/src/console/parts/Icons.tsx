/** The few signs that the pages draw. Decoration only: what a sign means is always said in text beside it. */
import type { ComponentChildren } from "preact"

const Icon = ({ children }: { readonly children: ComponentChildren }) => (
  <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
    {children}
  </svg>
)

/** The heart rate is kept private. */
export const LockIcon = () => (
  <Icon>
    <rect x="5" y="11" width="14" height="9" rx="2" />
    <path d="M8 11V8a4 4 0 0 1 8 0v3" />
  </Icon>
)

/** The reading is not fresh. */
export const WeakSignalIcon = () => (
  <Icon>
    <path d="M4 19v-3M10 19v-7" />
    <path d="M16 19V9M21 19V5" opacity="0.3" />
  </Icon>
)

/** Nothing is heard. */
export const NoSignalIcon = () => (
  <Icon>
    <path d="M4 19v-3M10 19v-7M16 19V9M21 19V5" opacity="0.35" />
    <path d="M4 5l16 15" />
  </Icon>
)

/** The workout is over. */
export const FinishedIcon = () => (
  <Icon>
    <path d="M5 12.5l4.5 4.5L19 7.5" stroke-width="3" />
  </Icon>
)

export const FullScreenIcon = () => (
  <Icon>
    <path d="M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5" />
  </Icon>
)

export const SunIcon = () => (
  <Icon>
    <circle cx="12" cy="12" r="4" />
    <path d="M12 2v2.5M12 19.5V22M2 12h2.5M19.5 12H22M4.9 4.9l1.8 1.8M17.3 17.3l1.8 1.8M19.1 4.9l-1.8 1.8M6.7 17.3l-1.8 1.8" />
  </Icon>
)

export const MoonIcon = () => (
  <Icon>
    <path d="M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5z" />
  </Icon>
)

export const StopwatchIcon = () => (
  <Icon>
    <circle cx="12" cy="14" r="7.5" />
    <path d="M12 14V9.5M9.5 2.5h5M19 6l1.5 1.5" />
  </Icon>
)

/** A paceline: riders one behind the other, the one at the front working hardest. */
export const PacelineMark = () => (
  <svg class="mark" viewBox="0 0 36 24" aria-hidden="true" focusable="false">
    <path d="M2 20 8 4h6L8 20z" opacity="0.35" />
    <path d="M12 20 18 4h6l-6 16z" opacity="0.65" />
    <path d="M22 20 28 4h6l-6 16z" />
  </svg>
)
