# SPDX-License-Identifier: Apache-2.0
"""base64_encoder at the size of its files, which cases.json cannot hold."""
import os

import pytest

FILE_MAX = 50 << 20


def invoke(llmspell, isolation, **params):
    (llmspell.cwd / "large").touch()
    os.truncate(llmspell.cwd / "large", params.pop("size"))
    args = [f"{name}={value}" for name, value in params.items()]
    return llmspell.run("tool", "invoke", "base64_encoder", "path=large", *args, "--output", "json",
                        env={"LLMSPELL_TOOLS_ISOLATION": isolation}).json


@pytest.mark.parametrize("isolation", ["auto", "process"])
def test_the_largest_file_and_one_byte_more(llmspell, isolation):
    if os.environ.get("LLMSPELL_SANITIZER") and isolation == "process":
        pytest.skip("a sanitizer takes more memory than limits.memory_mb")
    reply = invoke(llmspell, isolation, size=FILE_MAX)
    assert reply["status"] == "ok", reply["error"]
    assert reply["result"]["bytes"] == FILE_MAX
    assert len(reply["result"]["output"]) == (FILE_MAX + 2) // 3 * 4
    error = invoke(llmspell, isolation, size=FILE_MAX + 1)["error"]
    assert (error["code"], error["path"]) == ("limit_exceeded", "/path")


def test_short_lines_are_refused_before_the_memory_for_them_is_taken(llmspell):
    error = invoke(llmspell, "auto", size=FILE_MAX, wrap=1)["error"]
    assert (error["code"], error["path"]) == ("limit_exceeded", "/wrap")
