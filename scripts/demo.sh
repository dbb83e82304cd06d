#!/usr/bin/env bash
# The main job on a real repository: a red suite, a search, a patch proved by fresh runs, evidence that can be checked.
set -euo pipefail
cd "$(dirname "$0")/.."
covey="$PWD/.venv/bin/covey"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
export COVEY_HOME="$work/home"

step() { printf '\n\033[1m%s\033[0m\n' "== $*"; }
[ -t 1 ] || step() { printf '\n%s\n' "== $*"; }

cp -r examples/01_invoice_service "$work/invoice_service"
cd "$work/invoice_service"

step "What this machine offers (covey doctor)"
"$covey" doctor

step "A service with 70 tests and a bug; the problem as a user reported it"
sed -n 's/^> //p' README.md

step "Its tests are red"
PYTHONDONTWRITEBYTECODE=1 "$(dirname "$covey")/python" -m pytest -q --tb=line -p no:cacheprovider 2>&1 | tail -4 || true

step "covey run --repo invoice_service --holdout holdout"
before="$(find . -type f -exec sha256sum {} + | sort | sha256sum)"
"$covey" run "$(sed -n 's/^> \{0,1\}//p' README.md)" --repo . --holdout holdout --budget 60 --out "$work/out"
after="$(find . -type f -exec sha256sum {} + | sort | sha256sum)"
[ "$before" = "$after" ] && printf '\nThe repository is byte for byte as it was.\n'

run="$(ls "$work/out")"
step "The evidence, checked again: sums, event chain, and the tests from clean source (covey runs verify)"
ls "$work/out/$run"
"$covey" runs verify "$work/out/$run"

step "The run derived again from its log, running nothing (covey runs replay)"
"$covey" runs replay "$run"

step "The patch on a copy (git apply), and its tests"
cp -r "$work/invoice_service" "$work/patched"
cd "$work/patched"
git apply "$work/out/$run/patch.diff"
PYTHONDONTWRITEBYTECODE=1 "$(dirname "$covey")/python" -m pytest -q -p no:cacheprovider 2>&1 | tail -1
