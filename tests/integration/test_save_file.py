# SPDX-License-Identifier: Apache-2.0
"""plugins/tools/shared/save_file.c, by a tool that writes with it: links are followed, and stay."""
import json
import os

import pytest


def save(llmspell, **params):
    done = llmspell.run("tool", "invoke", "qr_code", "--params",
                        json.dumps({"input": "x", "format": "svg", **params}), "--output", "json")
    return done.json


@pytest.mark.parametrize("there", [True, False])
def test_a_link_stays_a_link(llmspell, there):
    (llmspell.cwd / "d").mkdir()
    target = llmspell.cwd / "d/f.svg"
    if there:
        target.write_text("old")
    (llmspell.cwd / "d/l").symlink_to("f.svg")
    (llmspell.cwd / "l").symlink_to(llmspell.cwd / "d/l")
    assert save(llmspell, target_path="l", overwrite=there)["result"]["path"] == "l"
    assert os.readlink(llmspell.cwd / "l") == str(llmspell.cwd / "d/l")
    assert os.readlink(llmspell.cwd / "d/l") == "f.svg"
    assert "<svg" in target.read_text()
    assert sorted(os.listdir(llmspell.cwd / "d")) == ["f.svg", "l"]


def test_a_link_out_of_the_folders_writes_nothing(llmspell):
    (llmspell.cwd / "l").symlink_to("/var/llmspell-test-none")
    error = save(llmspell, target_path="l", overwrite=True)["error"]
    assert (error["code"], error["path"]) == ("permission_denied", "/target_path")
    assert "/var" not in error["message"]
    assert (llmspell.cwd / "l").is_symlink() and not os.path.exists("/var/llmspell-test-none")
