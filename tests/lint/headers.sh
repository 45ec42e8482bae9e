#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Each public header compiles alone, as C11 and as C++17, without a warning.
set -u
bad=0
for header in sdk/include/llmspell/*.h; do
    printf "#include <llmspell/%s>\nextern int unused;\n" "$(basename "$header")" | cc -std=c11 -Wall -Wextra -Wshadow -Wconversion -Wpedantic -Werror -Isdk/include -x c -fsyntax-only - || bad=1
    printf "#include <llmspell/%s>\n" "$(basename "$header")" | c++ -std=c++17 -Wall -Wextra -Wshadow -Werror -Isdk/include -x c++ -fsyntax-only - || bad=1
done
exit $bad
