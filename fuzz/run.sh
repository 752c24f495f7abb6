#!/usr/bin/env bash
# Runs every fuzz target for some seconds each: fuzz/run.sh [SECONDS]
#
# Coverage comes from the compiler's own instrumentation, which the stable toolchain has too; the code under test has no
# `unsafe`, so the sanitizers of the nightly toolchain would find nothing more.
set -euo pipefail
cd "$(dirname "$0")"
seconds="${1:-20}"
targets="ticket message_body envelope frame"

export RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table --cfg fuzzing -Ccodegen-units=1 -Cdebug-assertions"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}"
# Naming the target keeps the flags away from build scripts.
host="$(rustc -vV | sed -n 's/^host: //p')"
cargo build --quiet --locked --release --target "$host"

for target in $targets; do
    mkdir -p "corpus/$target" "seeds/$target"
    echo "fuzz $target for $seconds s"
    if ! "$CARGO_TARGET_DIR/$host/release/$target" -max_len=4096 -max_total_time="$seconds" -print_final_stats=0 -verbosity=0 \
        -artifact_prefix="artifact-$target-" "corpus/$target" "seeds/$target" 2> "corpus/$target.log"; then
        tail -n 40 "corpus/$target.log"
        echo "fuzz $target: a promise is broken; the input lies in fuzz/artifact-$target-*"
        exit 1
    fi
done
