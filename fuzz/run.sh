#!/usr/bin/env bash
# Runs every fuzz target for some seconds each: fuzz/run.sh [SECONDS]
#
# Coverage comes from the compiler's own instrumentation (instrument.sh), which the stable toolchain has too; the code under test
# has no `unsafe`, so the sanitizers of the nightly toolchain would find nothing more.
set -euo pipefail
cd "$(dirname "$0")"
seconds="${1:-20}"
targets="ticket message_body envelope frame"

export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}"
RUSTC_WRAPPER="$PWD/instrument.sh" cargo build --quiet --locked

for target in $targets; do
    mkdir -p "corpus/$target" "seeds/$target"
    echo "fuzz $target for $seconds s"
    if ! "$CARGO_TARGET_DIR/debug/$target" -max_len=4096 -max_total_time="$seconds" -print_final_stats=0 -verbosity=0 \
        -artifact_prefix="artifact-$target-" "corpus/$target" "seeds/$target" 2> "corpus/$target.log"; then
        tail -n 40 "corpus/$target.log"
        echo "fuzz $target: a promise is broken; the input lies in fuzz/artifact-$target-*"
        exit 1
    fi
done
