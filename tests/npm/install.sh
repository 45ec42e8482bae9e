#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Fetches the npm packages that package.json names into BUILD/npm (473 MB, from the registry npm is
# set to) and bundles JupyterLab there, unless that is done. `make check-interop`: install.sh BUILD
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1/npm"
cd "$1/npm"
stamp=$(cat "$here"/{package.json,app.js,rspack.config.js,services.js,debugger.js,install.sh} | sha256sum)
if [ -f stamp ] && [ "$(cat stamp)" = "$stamp" ]; then
    exit 0
fi
rm -f stamp
cp "$here"/{package.json,app.js,rspack.config.js,services.js,debugger.js} .
echo "npm: installing into $PWD"
quiet=(--legacy-peer-deps --no-audit --no-fund --ignore-scripts --no-package-lock --loglevel=error)
npm install "${quiet[@]}"
# The bundler needs node 20.19; Debian 12 has 18. npm has node itself as a package.
if ! node -e 'const [a, b] = process.versions.node.split("."); process.exit(100 * a + +b < 2019 ? 1 : 0)'
then
    node_package=node-linux-$(node -p process.arch)
    npm install --no-save "${quiet[@]}" "$node_package@22.23.3"
    PATH=$PWD/node_modules/$node_package/bin:$PATH
fi
if ! node node_modules/@rspack/cli/bin/rspack.js build --config rspack.config.js >bundle.log; then
    cat bundle.log >&2
    exit 1
fi
echo "$stamp" >stamp
