/** A command to copy. Where it does not fit, it breaks between words only: half an option is no option. */
import { useEffect, useState } from "preact/hooks"

export const Command = ({ text }: { readonly text: string }) => {
  const [copied, setCopied] = useState(false)
  useEffect(() => {
    if (!copied) return
    const timer = setTimeout(() => setCopied(false), 2_000)
    return () => clearTimeout(timer)
  }, [copied])
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text)
      setCopied(true)
    } catch {
      // The browser refuses; the command can still be selected by hand.
    }
  }
  return (
    <div class="command">
      <pre>
        <code>
          {text.split(" ").map((word) => (
            <>
              <span>{word}</span>{" "}
            </>
          ))}
        </code>
      </pre>
      {/* Browsers give the clipboard only to pages that came over a safe way. */}
      {isSecureContext && (
        <button type="button" onClick={() => void copy()} aria-label={`Copy: ${text}`}>
          <span aria-live="polite">{copied ? "Copied" : "Copy"}</span>
        </button>
      )}
    </div>
  )
}
