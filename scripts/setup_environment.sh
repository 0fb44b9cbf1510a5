#!/bin/sh
# Make a virtual environment from requirements.lock and put gvlab into it. Safe to run again, also after it was stopped.
set -eu
venv="$1"
# Stands in the environment while it is being made: what was stopped in between is half a package somewhere.
unfinished="$venv/.being-set-up"

suitable() { "$1" -c 'import sys; raise SystemExit(not (3, 11) <= sys.version_info[:2] < (3, 14))' >/dev/null 2>&1; }

chosen=""
for candidate in "${PYTHON:-python3}" python3.13 python3.12 python3.11; do
    if command -v "$candidate" >/dev/null 2>&1 && suitable "$candidate"; then chosen="$candidate"; break; fi
done
if [ -z "$chosen" ]; then
    found="$("${PYTHON:-python3}" --version 2>/dev/null || echo none)"
    echo "GVLab needs Python 3.11, 3.12 or 3.13; found: $found." >&2
    echo "Install one (Debian or Ubuntu: sudo apt install python3.11 python3.11-venv; macOS: brew install python@3.12)," >&2
    echo "or point to one you have: make run PYTHON=/path/to/python3.12" >&2
    exit 1
fi

if [ -e "$unfinished" ]; then
    echo "An earlier set-up of $venv was stopped; beginning anew." >&2
    rm -rf "$venv"
elif ! suitable "$venv/bin/python"; then
    rm -rf "$venv"
fi
if [ ! -e "$venv" ]; then
    mkdir "$venv"
    : > "$unfinished"
    if ! "$chosen" -m venv "$venv"; then
        rm -rf "$venv"
        echo "Python has no venv module. Debian or Ubuntu: sudo apt install python3-venv" >&2
        exit 1
    fi
fi
: > "$unfinished"
# An environment that another tool has made may have no pip; it gets one and stays.
"$venv/bin/python" -m pip --version >/dev/null 2>&1 || "$venv/bin/python" -m ensurepip --default-pip >/dev/null
echo "Setting up $venv with $("$venv/bin/python" --version); the first time takes a minute or two ..." >&2
# Nothing is installed but what the lock names by its hash; gvlab itself is built with what is then there.
install() { "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@"; }
# What pip itself gives up, for want of a network, is not half done; only what was stopped is.
if ! install --require-hashes -r requirements.lock || ! install --no-deps --no-build-isolation --editable .; then
    rm -f "$unfinished"
    exit 1
fi
rm -f "$unfinished"
