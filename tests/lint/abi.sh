#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The plugin ABI of this tree against the frozen one (tests/abi/README.md).
set -u
build=$1
frozen=tests/abi/frozen
[ "$(uname -m)" = x86_64 ] || { echo "skipped: the frozen plugins are for x86-64"; exit 0; }
command -v abidiff >/dev/null || { echo "skipped: abidiff (abigail-tools) is not installed"; exit 0; }
tests/abi/build.sh "$build/abi" || exit 1
bad=0
for file in "$frozen"/*.so; do
    # 4 is a change, 8 an incompatible one; members may be appended
    abidiff --no-added-syms "$file" "$build/abi/$(basename "$file")"
    [ $(($? & 8)) -eq 0 ] || bad=1
done
exit $bad
