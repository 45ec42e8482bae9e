#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what building and running needs, through apt; with `tests` as the first argument, what the
# tests need, too; and the packages named as arguments. Does nothing if all is there.
set -euo pipefail

packages=(
    build-essential cmake ninja-build pkg-config git libcunit1-dev
    libjansson-dev libuv1-dev libinih-dev libpcre2-dev libsmartcols-dev zlib1g-dev libseccomp-dev libffi-dev # the host
    libcurl4-openssl-dev libsqlite3-dev openssl                                    # its extensions
    libzmq3-dev nettle-dev liblua5.4-dev                                           # jupyter, lua
    libmicrohttpd-dev                                                              # http
    libssl-dev libgmp-dev libmpfr-dev libxxhash-dev uuid-dev libutf8proc-dev libicu-dev # tools
    libexttextcat-dev libexttextcat-data                                           # text_analyzer: languages
    libcsv-dev libyaml-dev libjq-dev libxml2-dev libxslt1-dev libuchardet-dev libmagic-dev # tools
    libarchive-dev                                                                 # spreadsheet_processor, archive_handler
    libqrencode-dev libzbar-dev libgdk-pixbuf-2.0-dev webp-pixbuf-loader           # qr_code
    libqpdf-dev poppler-utils                                                      # pdf_processor, and its pdftotext
    libmd4c-dev libmd4c-html0-dev                                                  # markdown_converter
    libgit2-dev                                                                    # git_inspector
    tzdata                                                                         # date and time tools
    graphviz                                                                       # graph_builder's dot
    unixodbc-dev                                                                   # database_connector
    scdoc man-db                                                                   # manual pages
)
tests=(
    clang-format-14 shellcheck python3-yaml                                        # lint
    python3 python3-pytest python3-jupyter-client python3-zmq python3-pexpect
    jupyter-client jupyter-console jupyter-nbconvert python3-ipykernel             # real clients
    python3-jupyter-kernel-test jupyter-notebook chromium chromium-driver python3-selenium
    systemd logrotate faketime libfaketime procps                                  # services, logs, clocks
    curl                                                                           # a client of http
    python3-dateutil                                                               # to compare with
    python3-openpyxl                                                               # another reader of XLSX
    zxing-cpp-tools python3-pil                                                    # another reader of QR codes; images
    qpdf                                                                           # another writer of PDF
    jq                                                                             # for the bench of tools
    libsqliteodbc                                                                  # a driver for database_connector
    r-cran-whisker                                                                 # the specification of Mustache
    zip unzip bzip2 xz-utils zstd                                                  # archives of others
    rustc                                                                          # a tool in Rust
    lua5.4 lua-lpeg lua-socket                                                     # what require must find
)

if [ "${1:-}" = tests ]; then
    packages+=("${tests[@]}")
    shift
fi
packages+=("$@")

missing=()
for package in "${packages[@]}"; do
    status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
    echo "packages: all ${#packages[@]} are installed"
    exit 0
fi

sudo=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "packages: run as root, or install sudo: ${missing[*]} are missing" >&2; exit 1; }
    sudo=(sudo)
fi
echo "packages: installing ${missing[*]}"
"${sudo[@]}" apt-get update -qq
"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
echo "packages: done"
