#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# No GPL-only library in any process of ours: the ldd closure of each file against a deny list.
set -u
build=$1
bad=0
deny='libreadline|libpoppler|libmupdf|libmatheval|libqalculate|libigraph|libxapian|libgsl\.|libctpl|libs3\.|libslurm|libslang|libavcodec|libavformat|libavutil|libfftw3|libimagequant|libvips|libMagick|libx26[45]'
for file in "$build/bin/llmspell" "$build"/lib/llmspell/*/*.so; do
    closure=$(ldd "$file")
    grep -q 'not found' <<<"$closure" && { echo "$file: a library is missing"; grep 'not found' <<<"$closure"; bad=1; }
    grep -E "$deny" <<<"$closure" && { echo "$file links a GPL-only library"; bad=1; }
done
exit $bad
