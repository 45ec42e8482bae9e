#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `make run`: starts a kernel daemon, runs examples/tour.lua in it, shows its status, stops it.
# Everything it writes lies in a temporary folder that it removes.
set -euo pipefail

llmspell=$(realpath "${1:-build/bin/llmspell}")
root=$(cd "$(dirname "$0")/.." && pwd)
home=$(mktemp -d)
export LLMSPELL_HOME=$home
id=tour-$$

clean() {
    "$llmspell" -q kernel stop "$id" >/dev/null 2>&1 || true
    rm -rf "$home"
}
trap clean EXIT

say() { printf '\n\033[1m$ llmspell %s\033[0m\n' "$*"; "$llmspell" "$@"; }

cd "$home"
say -c "$root/conf/llmspell.ini" kernel start --daemon --id "$id"
say --kernel "$id" run "$root/examples/tour.lua"
say kernel status "$id"
say kernel stop "$id"
