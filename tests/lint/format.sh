#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every C file as clang-format 14 writes it, with an SPDX line, under 600 lines.
set -u
bad=0
format=$(command -v clang-format-14 || command -v clang-format)
git ls-files -co --exclude-standard '*.c' '*.h' | xargs "$format" --dry-run -Werror || bad=1
for file in $(git ls-files -co --exclude-standard '*.c' '*.h' '*.py' '*.sh' '*CMakeLists.txt' '*.cmake' '*.lua'); do
    head -n 3 "$file" | grep -q 'SPDX-License-Identifier: Apache-2.0' || { echo "no SPDX line: $file"; bad=1; }
    lines=$(wc -l <"$file")
    [ "$lines" -le 600 ] || { echo "over 600 lines: $file ($lines)"; bad=1; }
done
exit $bad
