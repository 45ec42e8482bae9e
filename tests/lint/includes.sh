#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Who may include whom: the host nothing of the plugins; plugins the SDK and their own folder; the
# SDK's headers C, POSIX and Jansson.
set -u
bad=0
complain() { echo "$1"; bad=1; }

while IFS= read -r line; do
    complain "host includes from plugins: $line"
done < <(grep -rnE '#include [<"](\.\./)*plugins/' host sdk --include='*.[ch]')

while IFS=: read -r file number include; do
    name=$(sed -E 's/.*#include "([^"]+)".*/\1/' <<<"$include")
    [ -e "$(dirname "$file")/$name" ] || complain "a plugin includes a foreign header: $file:$number: $name"
done < <(grep -rnE '#include "' plugins --include='*.[ch]')

while IFS=: read -r file number include; do
    case "$include" in
    *'<llmspell/'* | *'<jansson.h>'* | *'<stdint.h>'* | *'<stdarg.h>'* | *'<stdio.h>'* | *'<stdlib.h>'* | *'<string.h>'* | *'<unistd.h>'* | *'<errno.h>'* | *'<fcntl.h>'* | *'<sys/stat.h>'* | *'<stddef.h>'* | *'<time.h>'*) ;;
    *) complain "the SDK includes more than C and Jansson: $file:$number: $include" ;;
    esac
done < <(grep -rnE '#include' sdk/include)

# The kernel, the tools and the plugins of the host know no command line.
while IFS= read -r line; do
    complain "host code below the commands includes cli/: $line"
done < <(grep -rnE '#include "cli/' host --include='*.[ch]' | grep -vE '^host/(cli/|main\.c)')
exit $bad
