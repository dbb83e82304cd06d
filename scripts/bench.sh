#!/usr/bin/env bash
# Runs the benchmarks and prints one report: scripts/bench.sh [PART…]
#
# Parts: startup workspace validator corpus packages kills; all of them by default. Only `packages` needs the package
# index, and that only once: what it fetched is kept below COVEY_HOME. Exit code: 0 when every part came to its end
# and found nothing wrong.
#
# BENCH_OUT     folder for the JSON of each part (default: none is kept)
# BENCH_KILLS   random kills (default: 30)
# BENCH_BUDGET  wall seconds for one fault of a package (default: 120)
set -u -o pipefail
cd "$(dirname "$0")/.."

python=.venv/bin/python
[ -x "$python" ] || python=python3
out=${BENCH_OUT:-$(mktemp -d)}
mkdir -p "$out"
[ -n "${BENCH_OUT:-}" ] || trap 'rm -rf "$out"' EXIT
parts=("$@")
[ ${#parts[@]} -gt 0 ] || parts=(startup workspace validator corpus packages kills)

bench() {
    local part=$1
    shift
    "$python" -m "covey.bench.$part" "$@"
}

run() {
    case $1 in
        startup | workspace) bench "$1" | tee "$out/$1.json" ;;
        validator)
            if [ -f src/covey/bench/validator.py ]; then bench validator | tee "$out/validator.txt"; else echo "not there"; fi ;;
        corpus) bench corpus run --json "$out/corpus.json" ;;
        packages) bench packages --budget "${BENCH_BUDGET:-120}" --json "$out/packages.json" ;;
        kills) bench kills --count "${BENCH_KILLS:-30}" --json "$out/kills.json" ;;
        *)
            echo "There is no part called $1: use startup, workspace, validator, corpus, packages or kills." >&2
            return 2 ;;
    esac
}

worst=0
failed=()
echo "covey $("$python" -c 'import covey; print(covey.__version__)'), $(uname -sm), $(nproc) cores, $("$python" -V)"
for part in "${parts[@]}"; do
    echo
    echo "== $part"
    started=$SECONDS
    run "$part"
    code=$?
    echo "-- $part: exit code $code, $((SECONDS - started)) s"
    if [ $code -ne 0 ]; then
        failed+=("$part")
        [ $code -gt $worst ] && worst=$code
    fi
done
echo
if [ ${#failed[@]} -gt 0 ]; then echo "Not as it should be: ${failed[*]}"; else echo "All parts came to their end."; fi
exit $worst
