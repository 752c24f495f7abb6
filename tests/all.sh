#!/usr/bin/env bash
# Everything that has to pass, step by step: all.sh runs all steps, all.sh STEP... only these.
#
# Each step is printed with its name and time; its output is also kept in target/checks/. A failing step does not keep the
# others from running. The last line counts tests: those that cargo and Node report, and one for each step without tests.
set -euo pipefail
cd "$(dirname "$0")/.."

PATH="$PWD/.tools/bin:$PATH"
export PATH
export CARGO_TERM_COLOR="${CARGO_TERM_COLOR:-auto}"
FUZZ_SECONDS="${FUZZ_SECONDS:-10}"
STEPS=(format lint dependencies build rust sdk stories fuzz)
logs=target/checks
mkdir -p "$logs"

step_format() {
    cargo fmt --all --check
    cargo fmt --manifest-path fuzz/Cargo.toml --check
}

step_lint() { cargo clippy --quiet --locked --workspace --all-targets -- -D warnings; }

step_dependencies() { cargo deny --log-level error check bans licenses sources; }

# The suites that look from outside start this server.
step_build() { cargo build --quiet --locked --workspace; }

step_rust() { cargo test --quiet --locked --workspace --no-fail-fast; }

step_sdk() { TSUDOI_BIN="$PWD/target/debug/tsudoi" tests/compat/run.sh; }

step_stories() { TSUDOI_BIN="$PWD/target/debug/tsudoi" tests/stories/run.sh; }

step_fuzz() { fuzz/run.sh "$FUZZ_SECONDS"; }

# The numbers of "test result: ok. 3 passed; 1 failed" (cargo) and "3 passed, 1 failed" (Node), added up.
count() {
    { grep -oE "[0-9]+ passed[;,] [0-9]+ failed" "$1" || true; } |
        awk '{ passed += $1; failed += $3 } END { print passed + 0, failed + 0 }'
}

# One step in a shell of its own, so that its first failing command ends it.
if [ "${1:-}" = --step ]; then
    "step_$2"
    exit
fi

if [ $# -gt 0 ]; then
    STEPS=("$@")
fi
passed=0
failed=0
summary=""
begin=$SECONDS
for step in "${STEPS[@]}"; do
    if ! declare -F "step_$step" >/dev/null; then
        echo "there is no step $step" >&2
        exit 2
    fi
    echo "=== $step"
    started=$SECONDS
    verdict=ok
    bash tests/all.sh --step "$step" 2>&1 | tee "$logs/$step.log" || verdict=FAILED
    took=$((SECONDS - started))
    read -r good bad < <(count "$logs/$step.log")
    if [ "$verdict" = ok ]; then
        [ "$good" -gt 0 ] || good=1
    elif [ "$bad" -eq 0 ]; then
        bad=1
    fi
    passed=$((passed + good))
    failed=$((failed + bad))
    echo "=== $step: $verdict, $took s"
    summary+=$(printf '%-14s %-7s %5d s  %s passed, %s failed' "$step" "$verdict" "$took" "$good" "$bad")$'\n'
done

printf '\n%s\nall steps took %s s\n' "$summary" "$((SECONDS - begin))"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
