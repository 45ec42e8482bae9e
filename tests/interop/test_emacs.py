# SPDX-License-Identifier: Apache-2.0
"""Debian's Emacs with elpa-dap-mode debugs a file; skipped where they are not installed."""
import glob
import shutil
import subprocess
from pathlib import Path

import pytest

from conftest import BINARY, SLOW

PROGRAM = "local function double(x)\n  local y = x * 2\n  return y\nend\nprint(double(21))\n"
HERE = Path(__file__).parent


@pytest.mark.skipif(not shutil.which("emacs") or not glob.glob("/usr/share/emacs/site-lisp/elpa/dap-mode-*"),
                    reason="emacs-nox and elpa-dap-mode are not installed")
def test_dap_mode(llmspell, tmp_path):
    program = tmp_path / "program.lua"
    program.write_text(PROGRAM)
    done = subprocess.run(["emacs", "--batch", "-l", str(HERE / "emacs.el"), str(BINARY), str(program)],
                          env=llmspell.env, cwd=tmp_path, text=True, capture_output=True, timeout=60 * SLOW)
    lines = done.stdout.splitlines()
    assert lines[:2] == ["stopped in double at 2", "stopped in double at 3"], done
    assert "42" in lines
