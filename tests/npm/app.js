// SPDX-License-Identifier: Apache-2.0
// The smallest JupyterLab: all its plugins, no federated extensions, the
// application left in window.jupyterapp for the tests.
import { JupyterPluginRegistry } from '@jupyterlab/coreutils';
import { JupyterLab } from '@jupyterlab/application';
import { IConnectionStatus, IServiceManager } from '@jupyterlab/services';
import { plugins, mime } from './out/plugins.js';

const flat = mods => mods.flatMap(m => [m.default ?? m].flat());

window.addEventListener('load', async () => {
  const pluginRegistry = new JupyterPluginRegistry();
  pluginRegistry.registerPlugins(flat(plugins()));
  const lab = new JupyterLab({
    pluginRegistry,
    connectionStatus: await pluginRegistry.resolveOptionalService(IConnectionStatus),
    serviceManager: await pluginRegistry.resolveRequiredService(IServiceManager),
    mimeExtensions: flat(mime())
  });
  window.jupyterapp = lab;
  await lab.start({ bubblingKeydown: true });
});
