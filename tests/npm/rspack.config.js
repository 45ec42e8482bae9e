// SPDX-License-Identifier: Apache-2.0
// Bundles app.js and every extension that package.json names; output in ./out
const path = require('path');
const fs = require('fs');
const { merge } = require('webpack-merge');
const { Build } = require('@jupyter/builder');
const base = require('@jupyter/builder/lib/webpack.config.base');
const pkg = require('./package.json');

const out = path.resolve(__dirname, 'out');
const deps = Object.keys(pkg.dependencies);
const others = ['@jupyter-widgets/jupyterlab-manager']; // extensions whose names do not say so
const mime = ['@jupyterlab/javascript-extension', '@jupyterlab/json-extension'];
const ext = deps.filter(
  d => others.includes(d) || (d.endsWith('-extension') && !mime.includes(d))
);
fs.mkdirSync(out, { recursive: true });
// the list of what to load, and the style sheets of what it needs
fs.writeFileSync(
  path.join(out, 'plugins.js'),
  `exports.plugins = () => [${ext.map(e => `require('${e}')`)}];\n` +
    `exports.mime = () => [${mime.map(e => `require('${e}')`)}];\n` +
    [...ext, ...mime]
      .filter(e => fs.existsSync(path.join(__dirname, 'node_modules', e, 'style', 'index.js')))
      .map(e => `require('${e}/style/index.js');`)
      .join('\n') + '\n'
);
const assets = Build.ensureAssets({ packageNames: ext, output: out });
module.exports = [
  merge(base, {
    mode: 'production',
    entry: { app: path.join(__dirname, 'app.js') },
    output: { path: path.join(out, 'static'), filename: '[name].js', publicPath: 'auto' },
    optimization: { minimize: false },
    resolve: { modules: [path.join(__dirname, 'node_modules')] },
    devtool: false
  })
].concat(assets);
