#!/bin/sh
# Find a Chromium for the tests of the pages, or install the system's own. Prints nothing where there is one.
set -eu
if [ -n "${GVLAB_CHROMIUM:-}" ]; then
    [ -x "$GVLAB_CHROMIUM" ] && exit 0
    echo "GVLAB_CHROMIUM is \"$GVLAB_CHROMIUM\", which cannot be run. Correct it, or unset it." >&2
    exit 1
fi
for candidate in chromium chromium-browser google-chrome google-chrome-stable \
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" /Applications/Chromium.app/Contents/MacOS/Chromium; do
    if command -v "$candidate" >/dev/null 2>&1; then exit 0; fi
done
echo "The tests of the pages need Chromium; installing it with the system's package manager ..." >&2
as_root=""
if [ "$(id -u)" != 0 ]; then as_root="sudo -n"; fi
if command -v apt-get >/dev/null 2>&1 && $as_root true 2>/dev/null; then
    $as_root apt-get update -qq || true
    if $as_root apt-get install -y -qq --no-install-recommends chromium; then exit 0; fi
fi
if command -v brew >/dev/null 2>&1 && brew install --quiet --cask google-chrome; then exit 0; fi
echo "Chromium could not be installed. Install it (Debian: sudo apt install chromium; Fedora: sudo dnf install chromium;" >&2
echo "macOS: brew install --cask google-chrome), or name one: GVLAB_CHROMIUM=/path/to/chromium make test" >&2
exit 1
