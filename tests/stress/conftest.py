# SPDX-License-Identifier: Apache-2.0
"""The fixtures and helpers of the integration tests, with more time for each test."""
import importlib.util
import signal
import sys
from pathlib import Path

import pytest

_folder = Path(__file__).resolve().parents[1] / "integration"
sys.path.insert(1, str(_folder))
_spec = importlib.util.spec_from_file_location("integration_conftest", _folder / "conftest.py")
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)
ROOT, BUILD, BINARY, SLOW = _module.ROOT, _module.BUILD, _module.BINARY, _module.SLOW
Llmspell, llmspell, kernel = _module.Llmspell, _module.llmspell, _module.kernel


@pytest.fixture(autouse=True)
def deadline():
    """A test that hangs fails, and the others still run."""
    def late(number, frame):
        raise TimeoutError("the test did not end in time")
    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(900 * SLOW)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)
