# SPDX-License-Identifier: Apache-2.0
"""npm's @jupyterlab/services in node, against Debian's jupyter-server."""
import json
import shutil
import subprocess

import pytest

from browser import free_port, server
from conftest import NPM
from frontend import PATIENCE, whole_module

EXPECTED = {
    "specs": {"language": "lua", "name": "Lua (llmspell)",
              "logos": ["logo-32x32", "logo-64x64", "logo-svg"]},
    "info": {"language": "lua", "version": "5.6"},
    "execute": {"status": "ok", "text": "hello\n", "result": "42"},
    "error": {"status": "error", "name": "RuntimeError", "errors": 1},
    "display": {"types": ["display_data", "update_display_data"], "html": "<b>x</b>"},
    "futures": True,
    "lines": True,
    "stdin": {"hello": True, "prompt": "string"},
    "requests": {"matches": ["rep", "reverse"], "found": True, "whole": "incomplete", "history": 1},
    "interrupt": "KeyboardInterrupt",
    "restart": {"count": 1, "kept": "nil"},
    "unknown_comm": "closed",
    "comm": [{"opened": 1}, {"echo": "ö"}],
    "subshell": {"status": "ok", "announced": True},
    "second_client": "from the other\n",
    "shutdown": 0,
}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("services")
    with whole_module(folder) as jupyter:
        with server(jupyter, ["/usr/bin/jupyter-server", "--no-browser", "--allow-root",
                              "--ip=127.0.0.1", f"--port={free_port()}"],
                    folder / "server.log") as (address, token):
            done = subprocess.run([shutil.which("node"), "services.js", address, token], cwd=NPM,
                                  text=True, capture_output=True, timeout=PATIENCE * 10)
            assert done.returncode == 0, done.stderr
            yield json.loads(done.stdout.splitlines()[-1])  # before it, the library talks


@pytest.mark.parametrize("name", EXPECTED)
def test_services(results, name):
    value = dict(results[name]) if isinstance(results[name], dict) else results[name]
    if name == "specs" and "logos" in value:
        value["logos"] = sorted(value["logos"])
    assert value == EXPECTED[name]


def test_every_check_is_looked_at(results):
    assert results.keys() == EXPECTED.keys()
