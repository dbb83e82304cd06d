#!/usr/bin/env bash
# Runs the benchmarks and prints one report: scripts/bench.sh [PART…]
#
# Parts: startup workspace code_index validator localise corpus packages faults kills engine_memory engine_lifecycle
# engine_answers engine_reuse engine_swaps team_tokens team_hostile team_deadline; all of them by default. validator,
# packages, faults, code_index and team_tokens need the package index, and that only once: what they fetched is kept.
# The engine parts make their own model files. Exit code: 0 when every part came to its end and found nothing wrong.
#
# BENCH_OUT     folder for the JSON of each part (default: none is kept)
# BENCH_KILLS   random kills (default: 30)
# BENCH_BUDGET  wall seconds for one fault of a package (default: 120)
# BENCH_FAULTS  faults of the mutation tool (default: 32)
set -u -o pipefail
cd "$(dirname "$0")/.."

python=.venv/bin/python
[ -x "$python" ] || python=python3
out=${BENCH_OUT:-$(mktemp -d)}
mkdir -p "$out"
[ -n "${BENCH_OUT:-}" ] || trap 'rm -rf "$out"' EXIT
parts=("$@")
[ ${#parts[@]} -gt 0 ] || parts=(
    startup workspace code_index validator localise corpus packages faults kills engine_memory engine_lifecycle
    engine_answers engine_reuse engine_swaps team_tokens team_hostile team_deadline
)

bench() {
    local part=$1
    shift
    "$python" -m "covey.bench.$part" "$@"
}

run() {
    case $1 in
        startup | workspace) bench "$1" | tee "$out/$1.json" ;;
        validator) bench validator | tee "$out/validator.txt" && bench validator --package toolz | tee -a "$out/validator.txt" ;;
        localise) bench localise | tee "$out/localise.txt" ;;
        corpus) bench corpus run --json "$out/corpus.json" ;;
        packages) bench packages --budget "${BENCH_BUDGET:-120}" --json "$out/packages.json" ;;
        faults) bench faults --count "${BENCH_FAULTS:-32}" --out "$out/faults" ;;
        kills) bench kills --count "${BENCH_KILLS:-30}" --json "$out/kills.json" ;;
        code_index | engine_memory | engine_lifecycle | engine_answers | engine_reuse | engine_swaps) ;&
        team_tokens | team_hostile | team_deadline) bench "$1" --json "$out/$1.json" ;;
        *)
            echo "There is no part called $1. The parts are named at the top of scripts/bench.sh." >&2
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
