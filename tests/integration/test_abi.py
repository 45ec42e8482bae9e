# SPDX-License-Identifier: Apache-2.0
"""Plugins that were built when ABI 1.0 was frozen work with every later host (tests/abi)."""
import json
import platform
import shutil

import pytest

from conftest import ROOT
from jupyter_session import llmspell  # noqa: F401 (fixture)

FROZEN = ROOT / "tests" / "abi" / "frozen"
pytestmark = pytest.mark.skipif(platform.machine() != "x86_64",
                                reason="the frozen plugins are for x86-64")


@pytest.fixture
def folder(llmspell, tmp_path):
    folder = tmp_path / "frozen"
    folder.mkdir(mode=0o755)
    for file in FROZEN.glob("*.so"):
        shutil.copyfile(file, folder / file.name)
        (folder / file.name).chmod(0o644)
    return folder


@pytest.mark.parametrize("isolation", ["inline", "process"])
def test_a_tool_of_abi_1_0(llmspell, folder, isolation):
    manifest = llmspell.json("--plugin-dir", folder, "tool", "info", "my_tool")
    assert manifest["abi"] == {"major": 1, "minor": 0}
    example = manifest["examples"][0]
    reply = llmspell.json("--plugin-dir", folder, "--set", f"tools.isolation={isolation}", "tool",
                          "invoke", "my_tool", "--params", json.dumps(example["params"]))
    assert reply["status"] == "ok" and reply["result"] == example["result"], reply


def test_a_protocol_of_abi_1_0(llmspell, folder):
    """Both halves: the kernel serves with it, the command connects with it."""
    llmspell.start("--plugin-dir", folder, "--set", "kernel.protocol=my_protocol")
    done = llmspell.run("--plugin-dir", folder, "--set", "kernel.protocol=my_protocol",
                        "--kernel", "test", "exec", "return 6 * 7")
    assert done.status == 0 and done.out.strip() == "42", done
