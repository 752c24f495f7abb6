#!/bin/sh
# The outside judges: the vendor's unmodified Web SDK drives a server of ours.
#
#   run.sh                 everything that has to pass: the suites with the newest SDK, a shorter run with older ones
#   run.sh SUITE...        these suites only, with SDK_VERSION (default 3.6.6)
#
# The server is TSUDOI_BIN (default: the release build, else the debug build). COMPAT_TRACE=1 prints every frame.
set -eu
cd "$(dirname "$0")"

SUITES="login messages counters attributes notices management group-history recall profiles media group-types live-rooms browser communities one-to-one conversations conversation-care edit receipts reactions extensions pins signalling friends block-list user-status restart search"
OLDER_VERSIONS="3.5.9 3.4.5"
OLDER_SUITES="login messages"

need() {
    command -v "$1" >/dev/null 2>&1 || { echo "$0: $1 is missing; on Debian: apt-get install $2" >&2; exit 1; }
}
need node nodejs
need npm npm
node -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 20 ? 0 : 1)' ||
    { echo "$0: Node 20 or newer is needed, this is $(node --version)" >&2; exit 1; }

if [ ! -f node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
    npm ci --silent
    touch node_modules/.package-lock.json
fi

chromium=${CHROMIUM:-/usr/bin/chromium}
if [ ! -x "$chromium" ]; then
    if [ "$(id -u)" -eq 0 ]; then
        as_root=""
    elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
        as_root="sudo -n"
    else
        echo "$0: $chromium is missing; install it (Debian: apt-get install chromium) or name one in CHROMIUM" >&2
        exit 1
    fi
    # The index may be older than the packages it names.
    $as_root apt-get update -qq
    DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends chromium >/dev/null
fi

run() {
    version=$1
    shift
    echo "SDK $version: $*"
    files=""
    for suite in "$@"; do
        files="$files suites/$suite.test.js"
    done
    # shellcheck disable=SC2086 # the names hold no spaces
    SDK_VERSION=$version node --test --test-concurrency="${COMPAT_CONCURRENCY:-2}" --test-timeout=900000 --test-reporter=./lib/reporter.js $files
}

if [ $# -gt 0 ]; then
    run "${SDK_VERSION:-3.6.6}" "$@"
    exit
fi
failed=""
# shellcheck disable=SC2086
run 3.6.6 $SUITES || failed="$failed 3.6.6"
for version in $OLDER_VERSIONS; do
    # shellcheck disable=SC2086
    run "$version" $OLDER_SUITES || failed="$failed $version"
done
if [ -n "$failed" ]; then
    echo "failures with SDK$failed"
    exit 1
fi
