#!/bin/sh
# Stands before the compiler (RUSTC_WRAPPER): the crates that read the bytes of strangers are built so that the fuzzer sees which
# ways through them an input takes. All others are built as they are, which takes a fraction of the time.
set -eu
name=""
before=""
for word in "$@"; do
    if [ "$before" = --crate-name ]; then
        name=$word
    fi
    before=$word
done
case "$name" in
tsudoi_api | tsudoi_domain | tsudoi_realtime | base64 | serde_json)
    exec "$@" --cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
        -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table
    ;;
esac
exec "$@"
