#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs every fuzzer of a build for some seconds: tests/fuzz/run.sh build-fuzz 60. What it finds stays
# in BUILD/crashes; add it to tests/fuzz/corpus once it is mended.
set -u
build=$1 seconds=${2:-60}
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$build/crashes"
bad=0
for program in "$build"/fuzz/fuzz_*; do
    name=$(basename "$program"); name=${name#fuzz_}
    work=$build/corpus-$name
    mkdir -p "$work"
    echo "== $name"
    "$program" -max_total_time="$seconds" -max_len=8192 -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
        -dict="$here/$name.dict" -artifact_prefix="$build/crashes/$name-" "$work" "$here/corpus/$name" 2>&1 |
        grep -E 'ERROR|SUMMARY|stat::number_of_executed_units|DONE|artifact' || true
    [ "${PIPESTATUS[0]}" -eq 0 ] || bad=1
done
exit $bad
