# SPDX-License-Identifier: Apache-2.0
"""The fixtures of tests/interop, and what install.sh has put into the build folder."""
import importlib.util
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
_folder = HERE.parent / "interop"
_spec = importlib.util.spec_from_file_location("interop_conftest", _folder / "conftest.py")
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)
BUILD, SLOW, Jupyter, Llmspell = _module.BUILD, _module.SLOW, _module.Jupyter, _module.Llmspell
NPM = BUILD / "npm"
sys.path.append(str(_folder))


@pytest.fixture(scope="session", autouse=True)
def installed():
    assert (NPM / "stamp").exists(), "run tests/npm/install.sh BUILD first (make check-interop)"


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """The running server: (address, token, the folder of its notebooks)."""
    from browser import free_port, server
    from frontend import wait_until, whole_module

    folder = tmp_path_factory.mktemp("lab")
    (folder / "home").mkdir()
    with whole_module(folder / "home") as jupyter:
        pages = folder / "pages"
        pages.mkdir()
        jupyter.env.update(LAB_OUT=str(NPM / "out"), LAB_HOME=str(pages))
        command = [sys.executable, HERE / "lab_server.py", str(free_port()),
                   jupyter.llmspell.cwd]
        with server(jupyter, command, folder / "server.log") as address_and_token:
            yield *address_and_token, jupyter.llmspell.cwd
        wait_until(lambda: not jupyter.kernels(), "the server takes its kernels with it")


@pytest.fixture(scope="module")
def lab_folder(lab):
    """Where its notebooks lie, which is where their kernels run."""
    return lab[2]


@pytest.fixture(scope="module")
def page(lab, tmp_path_factory):
    from browser import chromium

    with chromium(tmp_path_factory.mktemp("profile")) as one:
        one.open("{}lab?token={}".format(*lab[:2]))
        one.until("document.querySelector('.jp-LauncherCard') !== null")
        yield one
