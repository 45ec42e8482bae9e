#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A plugin, and a module of the host, exports its entry symbol and nothing else; the host exports nothing to plugins.
set -u
build=$1
bad=0
for kind in tool protocol runtime; do
    for file in "$build"/lib/llmspell/${kind}s/*.so; do
        names=$(nm -D --defined-only "$file" | awk '{print $3}' | sort | tr '\n' ' ')
        [ "$names" = "llmspell_${kind}_v1 " ] || { echo "$file exports: $names"; bad=1; }
    done
done
for file in "$build"/lib/llmspell/extensions/*.so; do
    name=$(basename "$file" .so)
    names=$(nm -D --defined-only "$file" | awk '{print $3}' | tr '\n' ' ')
    [ "$names" = "${name//-/_}_module " ] || { echo "$file exports: $names"; bad=1; }
done
names=$(nm -D --defined-only "$build/bin/llmspell" | awk '$2 == "T" {print $3}' | tr '\n' ' ')
[ -z "$names" ] || { echo "the host exports: $names"; bad=1; }
exit $bad
