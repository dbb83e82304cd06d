#!/usr/bin/env bash
# The whole team on a fault that templates do not mend, every message shown. By itself it needs no model: a scripted
# one answers on loopback, and nothing is downloaded. MODEL=path.gguf (or a name, or a URL) does the same with that.
set -euo pipefail
cd "$(dirname "$0")/.."
python="${DEMO_PYTHON:-$PWD/.venv/bin/python}"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
export COVEY_CONFIG="$work/none.yaml"

step() { printf '\n\033[1m%s\033[0m\n' "== $*"; }
[ -t 1 ] || step() { printf '\n%s\n' "== $*"; }

cp -r examples/03_parcel_depot "$work/depot"

step "The problem as a user reported it"
sed -n 's/^> \{0,1\}//p' examples/03_parcel_depot/README.md

step "Its tests are red"
(cd "$work/depot" && PYTHONDONTWRITEBYTECODE=1 "$python" -m unittest 2>&1 | tail -3) || true

before="$(cd "$work/depot" && find . -type f -exec sha256sum {} + | sort | sha256sum)"
step "The team at work${MODEL:+ with $MODEL}, message by message"
code=0
"$python" scripts/demo_team.py "$work/depot" "$work/home" ${MODEL:+"$MODEL"} || code=$?
after="$(cd "$work/depot" && find . -type f -exec sha256sum {} + | sort | sha256sum)"
[ "$before" = "$after" ] && printf '\nThe repository is byte for byte as it was.\n'

if [ "$code" = 0 ]; then
    step "The patch on a copy (git apply), and its tests"
    patch="$(ls "$work"/home/out/*/patch.diff)"
    cd "$work/depot"
    git apply "$patch"
    PYTHONDONTWRITEBYTECODE=1 "$python" -m unittest 2>&1 | tail -1
fi
exit "$code"
