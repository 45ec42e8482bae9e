#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Serves the JupyterLab that install.sh has bundled, with Debian's jupyter-server and
python3-jupyterlab-server: lab_server.py PORT FOLDER ($LAB_OUT: the bundle; $LAB_HOME: settings)"""
import os
import sys

OUT = os.environ["LAB_OUT"]
sys.modules.setdefault("lab_server", sys.modules[__name__])
from jupyterlab_server import LabServerApp  # noqa: E402

PAGE = """<!doctype html><html><head><meta charset="utf-8"><title>lab</title>
{% set pc = page_config.copy() %}{% set _ = pc.update(baseUrl=base_url, wsUrl=ws_url) %}
<script id="jupyter-config-data" type="application/json">{{ pc | tojson }}</script>
<script defer src="{{ page_config.fullStaticUrl }}/app.js"></script></head>
<body class="jp-ThemedContainer"></body></html>"""


class Lab(LabServerApp):
    name = "lab_server"
    extension_url = "/lab"
    load_other_extensions = False
    app_name, app_namespace, app_version = "JupyterLab", "jupyterlab", "4.6.3"
    static_dir, schemas_dir, themes_dir = OUT + "/static", OUT + "/schemas", OUT + "/themes"
    templates_dir = os.environ["LAB_HOME"]
    app_settings_dir, user_settings_dir, workspaces_dir = (
        os.path.join(os.environ["LAB_HOME"], name) for name in ("app", "user", "workspaces"))
    listings_url = "/lab/api/listings"

    def initialize_settings(self):
        super().initialize_settings()
        settings = self.serverapp.web_app.settings
        settings.setdefault("page_config_data", {}).update(
            buildAvailable=False, buildCheck=False, devMode=False, token=self.serverapp.token)


def _jupyter_server_extension_points():
    return [{"module": "lab_server", "app": Lab}]


Lab.__module__ = "lab_server"
if __name__ == "__main__":
    for folder in (Lab.app_settings_dir, Lab.user_settings_dir, Lab.workspaces_dir):
        os.makedirs(folder, exist_ok=True)
    with open(os.path.join(Lab.templates_dir, "index.html"), "w") as page:
        page.write(PAGE)
    port, folder = sys.argv[1:]
    Lab.launch_instance([f"--ServerApp.port={port}", "--ServerApp.ip=127.0.0.1", "--no-browser",
                         "--allow-root", f"--ServerApp.root_dir={folder}"])
