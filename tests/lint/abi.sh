#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The plugin ABI against the frozen one (tests/abi/README.md); nothing to do before it is frozen.
set -u
build=$1
frozen=tests/abi/frozen
[ -d "$frozen" ] || exit 0
command -v abidiff >/dev/null || { echo "skipped: abidiff (abigail-tools) is not installed"; exit 0; }
bad=0
for file in "$frozen"/*.so; do
    current=$build/abi/$(basename "$file")
    [ -e "$current" ] || { echo "no $current: run tests/abi/build.sh $build/abi"; bad=1; continue; }
    # 4 is a change, 8 an incompatible one; members may be appended
    abidiff --no-added-syms "$file" "$current"
    [ $(($? & 8)) -eq 0 ] || bad=1
done
exit $bad
