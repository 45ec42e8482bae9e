#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the plugins that show the ABI, one of each kind, with debug information for abidiff:
# tests/abi/build.sh FOLDER. To freeze an ABI: tests/abi/build.sh tests/abi/frozen.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
mkdir -p "$1"
build() { # FOLDER NAME MANIFEST SOURCE
    sed "s|@LLMSPELL_MANIFEST_PATH@|$3|" "$root/sdk/cmake/note.S.in" >"$1/$2_note.S"
    # shellcheck disable=SC2046 # words
    cc -std=gnu11 -D_GNU_SOURCE -g -O1 -shared -fPIC -fvisibility=hidden -Wl,-z,defs,-z,now,-z,relro,-z,nodelete \
        "-ffile-prefix-map=$root=." "-I$root/sdk/include" $(pkg-config --cflags jansson) \
        "$4" "$1/$2_note.S" -o "$1/$2.so" $(pkg-config --libs jansson) -pthread
    rm "$1/$2_note.S"
    chmod go-w "$1/$2.so"
}
templates=$root/sdk/templates
build "$1" my_tool "$templates/tool/my_tool.json" "$templates/tool/my_tool.c"
build "$1" my_protocol "$templates/protocol/my_protocol.json" "$templates/protocol/my_protocol.c"
