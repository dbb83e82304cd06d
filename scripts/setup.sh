#!/usr/bin/env bash
# Make .venv with the covey command and the development tools, and install bubblewrap where that is possible.
# Needs Python 3.11 or later and pip; everything else comes from the lock file.
set -euo pipefail
cd "$(dirname "$0")/.."
VENV="${VENV:-.venv}"

say() { printf '%s\n' "$*" >&2; }

find_python() {
  for name in "${PYTHON:-python3}" python3 python3.13 python3.12 python3.11; do
    if command -v "$name" >/dev/null 2>&1 &&
      "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
      printf '%s' "$name"
      return
    fi
  done
  say "setup: Python 3.11 or later is needed and was not found. Install it (Debian: apt-get install python3) or run"
  say "       make PYTHON=/path/to/python3.12"
  exit 2
}

system_packages() {
  command -v bwrap >/dev/null 2>&1 && command -v git >/dev/null 2>&1 && return
  if command -v apt-get >/dev/null 2>&1; then
    local sudo=""
    if [ "$(id -u)" != 0 ]; then
      if command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then sudo="sudo -n"; else sudo="no"; fi
    fi
    if [ "$sudo" != no ]; then
      say "setup: installing bubblewrap and git"
      { $sudo apt-get update -qq && $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq bubblewrap git; } \
        >/dev/null 2>&1 || say "setup: apt-get could not install bubblewrap"
    fi
  fi
  command -v bwrap >/dev/null 2>&1 ||
    say "setup: REDUCED: no bubblewrap; Covey falls back to Landlock. Mend: apt-get install bubblewrap"
}

python="$(find_python)"
system_packages
if [ ! -x "$VENV/bin/python" ]; then
  "$python" -m venv "$VENV" || {
    say "setup: $python cannot make virtual environments. Debian: apt-get install python3-venv"
    exit 2
  }
fi
if ! "$VENV/bin/python" -m uv --version >/dev/null 2>&1; then
  # The lock pins uv with hashes; pip reads just that entry.
  "$VENV/bin/python" - requirements.lock >"$VENV/uv-requirement.txt" <<'PY'
import re, sys
text = open(sys.argv[1], encoding="utf-8").read()
print(re.search(r"^uv==.*?(?=^\S|\Z)", text, re.M | re.S).group(0).replace("# via covey (pyproject.toml)", ""))
PY
  "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$VENV/uv-requirement.txt"
fi
"$VENV/bin/python" -m uv pip install --quiet --python "$VENV/bin/python" --require-hashes -r requirements.lock
"$VENV/bin/python" -m uv pip install --quiet --python "$VENV/bin/python" --no-deps -e .
say "setup: ready: $VENV/bin/covey"
