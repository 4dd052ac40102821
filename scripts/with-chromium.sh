#!/usr/bin/env bash
# Runs a command with PACELINE_CHROMIUM set to a Chromium, installing Debian's when there is none.
set -eu
find_chromium() { command -v chromium || command -v chromium-browser || command -v google-chrome || true; }
chromium=${PACELINE_CHROMIUM:-$(find_chromium)}
if [ -z "$chromium" ]; then
  echo "No Chromium here: installing Debian's." >&2
  apt-get update -qq >&2
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null
  chromium=$(find_chromium)
fi
PACELINE_CHROMIUM=$chromium exec "$@"
