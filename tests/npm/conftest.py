# SPDX-License-Identifier: Apache-2.0
"""The fixtures of tests/interop, and what install.sh has put into the build folder."""
import importlib.util
import sys
from pathlib import Path

import pytest

_folder = Path(__file__).resolve().parents[1] / "interop"
_spec = importlib.util.spec_from_file_location("interop_conftest", _folder / "conftest.py")
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)
BUILD, SLOW, Jupyter, Llmspell = _module.BUILD, _module.SLOW, _module.Jupyter, _module.Llmspell
NPM = BUILD / "npm"
sys.path.append(str(_folder))


@pytest.fixture(scope="session", autouse=True)
def installed():
    assert (NPM / "stamp").exists(), "run tests/npm/install.sh BUILD first (make check-interop)"
