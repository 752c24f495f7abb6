#!/bin/sh
# Tells the stories against a server: the one at CHAT_URL (with CHAT_APP_ID and CHAT_APP_KEY), or one started here
# from TSUDOI_BIN (default: the release build, else the debug build) with an empty data folder.
set -eu
cd "$(dirname "$0")"

need() {
    command -v "$1" >/dev/null 2>&1 || { echo "$0: $1 is missing; on Debian: apt-get install $2" >&2; exit 1; }
}
need node nodejs
need npm npm
need python3 "python3 python3-venv"

if [ ! -f node/node_modules/.package-lock.json ] || [ node/package-lock.json -nt node/node_modules/.package-lock.json ]; then
    (cd node && npm ci --silent)
    touch node/node_modules/.package-lock.json
fi
if [ ! -f python/.venv/installed ] || [ python/requirements.txt -nt python/.venv/installed ]; then
    python3 -m venv python/.venv || { echo "$0: cannot make a Python environment; on Debian: apt-get install python3-venv" >&2; exit 1; }
    python/.venv/bin/pip install --quiet --disable-pip-version-check -r python/requirements.txt
    touch python/.venv/installed
fi

if [ -z "${CHAT_URL:-}" ]; then
    root=$(cd ../.. && pwd)
    bin=${TSUDOI_BIN:-$root/target/release/tsudoi}
    [ -n "${TSUDOI_BIN:-}" ] || [ -x "$bin" ] || bin=$root/target/debug/tsudoi
    [ -x "$bin" ] || { echo "$0: no server at $bin; build it or set TSUDOI_BIN" >&2; exit 1; }
    data=$(mktemp -d)
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    export CHAT_APP_ID=1400000001
    export CHAT_APP_KEY=0f1e2d3c4b5a69788796a5b4c3d2e1f00112233445566778899aabbccddeeff0
    export CHAT_URL="http://127.0.0.1:$port"
    TSUDOI_LISTEN="127.0.0.1:$port" TSUDOI_DATA_DIR="$data/data" \
        TSUDOI_APP_ID=$CHAT_APP_ID TSUDOI_APP_KEY=$CHAT_APP_KEY "$bin" serve >"$data/log" 2>&1 &
    server=$!
    # The log is shown when a story fails.
    finish() {
        code=$?
        kill "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
        [ "$code" -eq 0 ] || tail -n 40 "$data/log" >&2
        rm -rf "$data"
    }
    trap finish EXIT
    trap 'exit 1' INT TERM
    python3 - <<'READY'
import os, time, urllib.error, urllib.request
deadline = time.monotonic() + 30
while True:
    try:
        urllib.request.urlopen(os.environ["CHAT_URL"] + "/readyz", timeout=2)
        break
    except (OSError, urllib.error.URLError):
        if time.monotonic() > deadline:
            raise SystemExit("the server is not ready after 30 s")
        time.sleep(0.05)
READY
fi

node node/support-desk.js
python/.venv/bin/python python/support_desk.py
