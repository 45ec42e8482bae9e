# SPDX-License-Identifier: Apache-2.0
"""The fixtures of the integration tests, and a kernelspec installed for each test that asks."""
import importlib.util
import os
import subprocess
from pathlib import Path

import pytest

_file = Path(__file__).resolve().parents[1] / "integration" / "conftest.py"
_spec = importlib.util.spec_from_file_location("integration_conftest", _file)
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)
ROOT, BUILD, BINARY, SLOW = _module.ROOT, _module.BUILD, _module.BINARY, _module.SLOW
llmspell, kernel, deadline = _module.llmspell, _module.kernel, _module.deadline
Llmspell = _module.Llmspell


class Jupyter:
    """Debian's jupyter commands, with data, configuration and run-time folders of the test."""

    def __init__(self, llmspell):
        self.llmspell = llmspell
        runtime = llmspell.cwd.parent / "runtime"
        runtime.mkdir(mode=0o700)
        self.env = dict(llmspell.env, JUPYTER_RUNTIME_DIR=str(runtime), JUPYTER_PATH="",
                        PYTHONDONTWRITEBYTECODE="1", PROMPT_TOOLKIT_NO_CPR="1", TERM="xterm",
                        PATH=f"/usr/bin:/bin:{os.environ.get('PATH', '')}")
        for name in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"):
            self.env.pop(name, None)

    def run(self, *args, input=None, timeout=120):
        return subprocess.run(["/usr/bin/jupyter", *map(str, args)], input=input, text=True,
                              capture_output=True, timeout=timeout * SLOW, env=self.env,
                              cwd=self.llmspell.cwd)

    def kernels(self):
        """The kernels that live; one that was killed leaves its file."""
        return [path for path in (self.llmspell.home / "run").glob("*.pid")
                if os.path.exists(f"/proc/{path.read_text().split()[0]}")]


@pytest.fixture
def jupyter(llmspell):
    """Jupyter, with our kernelspec installed for this user."""
    one = Jupyter(llmspell)
    one.installed = llmspell.json("kernel", "install", "--user", env=one.env)
    yield one
    assert one.kernels() == [], "a kernel that Jupyter started lives"
