# SPDX-License-Identifier: Apache-2.0
"""VS Code's client for tests of debug adapters (npm) against llmspell debug, over stdio and TCP."""
import json
import shutil
import subprocess

import pytest

from conftest import BUILD, NPM, SLOW, Llmspell

PROGRAM = "local function double(x)\n  local y = x * 2\n  return y\nend\n\nprint(double(21))\n"
BROKEN = "local function bad()\n  error('broken')\nend\nbad()\n"
EXPECTED = {
    "breakpoint": {"before": {"x": "21"}, "after": {"x": "21", "y": "42"}, "evaluated": "22"},
    "moved": True,
    "entry": True,
    "output": True,
    "error": {"reason": "exception", "line": 2, "mode": "unhandled"},
    "missing": 'cannot run /nonexistent/x.lua: No such file or directory; "program" has to name a Lua file',
}


def run(folder, one, *port):
    (folder / "program.lua").write_text(PROGRAM)
    (folder / "broken.lua").write_text(BROKEN)
    done = subprocess.run([shutil.which("node"), "debugger.js", str(BUILD / "bin/llmspell"),
                           str(folder / "program.lua"), *port], cwd=NPM, env=one.env, text=True,
                          capture_output=True, timeout=120 * SLOW)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("way", ["stdio", "tcp"])
def test_debugger(tmp_path, way):
    one = Llmspell(tmp_path)
    port = ()
    if way == "tcp":
        one.run("kernel", "start", "--daemon", "--id", "test", "--set", "protocol.dap.port=0")
        status = one.json("kernel", "status", "test")
        port = (str(next(p["port"] for p in status["protocols"] if p["name"] == "dap")),)
    try:
        results = run(tmp_path, one, *port)
    finally:
        if port:
            one.run("kernel", "stop", "test")
    assert results == EXPECTED
