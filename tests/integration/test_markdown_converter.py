# SPDX-License-Identifier: Apache-2.0
"""markdown_converter against md4c-html itself on random documents, and on documents that are made
to be slow or large."""
import ctypes
import ctypes.util
import json
import random
import time

import pytest

PIECES = ["a", "*", "**", "_", "`", "```\n", "\n", "\n\n", "# ", "- ", "1. ", "> ", "[", "](", ")", "![", "<", ">", "&amp;",
          "&auml;", "|", "\n|---|---|\n", "    ", "\\", "~~", "www.x.y", "http://a.b", "q@r.s", "é", "😀", "<b>", "[x]: /u 'T'\n",
          "[x]", "---", "\t", "\r\n", "&#0;", "\"", "- [x] "]


GITHUB = 0xF0C  # MD_DIALECT_GITHUB
NO_HTML = 0x60


def invoke(llmspell, **params):
    (llmspell.cwd / "in.md").write_bytes(params.pop("text").encode())
    params = json.dumps({"path": "in.md", **params})
    return llmspell.run("tool", "invoke", "markdown_converter", "--params", params, "--output", "json",
                        env={"LLMSPELL_TOOLS_ISOLATION": "auto"}).json


def md4c_html(text, flags):
    library = ctypes.CDLL(ctypes.util.find_library("md4c-html"))
    pieces = []
    callback = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_uint, ctypes.c_void_p)
    take = callback(lambda data, size, _: pieces.append(ctypes.string_at(data, size)))
    data = text.encode()
    assert library.md_html(data, len(data), take, None, flags, 0) == 0
    return b"".join(pieces).decode()


@pytest.mark.parametrize("seed", range(60))
def test_as_md4c_writes_it(llmspell, seed):
    rng = random.Random(seed)
    text = "".join(rng.choice(PIECES) for _ in range(rng.randrange(200)))
    reply = invoke(llmspell, text=text, allow_html=True)
    assert reply["result"]["html"] == md4c_html(text, GITHUB), text
    reply = invoke(llmspell, text=text, allow_html=False)
    assert reply["result"]["html"] == md4c_html(text, GITHUB | NO_HTML), text
    for operation in ("to_text", "toc", "extract"):
        assert invoke(llmspell, text=text, operation=operation)["status"] == "ok", text


LINES = 40000
HOSTILE = {
    "brackets": "[" * 900000,
    "images in images": "![" * 100000 + "a" + "](b)" * 100000,
    "strong": "**a" * 300000,
    "code marks": "".join("`" * i + " " for i in range(1300)),
    "one line of items": "- " * 500000,
    "entities": "&auml;" * 150000,
    "tags": "<a " * 300000,
    "fences": "```\n" * 250000,
    "NUL headings": "\0\n=\n\n" * 100000,
    "marks": "# " + "\u0301" * 450000,
}


@pytest.mark.parametrize("operation", ["to_html", "to_text", "toc", "extract"])
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile(llmspell, name, operation):
    reply = invoke(llmspell, text=HOSTILE[name], operation=operation)
    assert reply["status"] == "ok" or reply["error"]["code"] == "limit_exceeded", reply


@pytest.mark.parametrize("operation", ["to_html", "to_text", "toc", "extract"])
@pytest.mark.parametrize("text", [
    "[x]: /" + "u" * 500000 + "\n\n" + "[x] " * LINES,
    "|a" * 1500 + "|\n" + "|---" * 1500 + "|\n" + "|b\n" * LINES,
], ids=["one long address in many links", "short rows of a wide table"])
def test_amplification(llmspell, text, operation):
    reply = invoke(llmspell, text=text, operation=operation)
    assert reply["error"]["code"] == "limit_exceeded" and reply["error"]["path"] == "/path", reply


@pytest.mark.parametrize("operation", ["to_html", "to_text", "toc", "extract"])
def test_md4c_is_stopped(llmspell, operation):
    """md4c takes a minute for this, as it searches on from each www., and looks at no flag."""
    (llmspell.cwd / "in.md").write_text("_www." * 200000)
    params = json.dumps({"path": "in.md", "operation": operation})
    start = time.monotonic()
    reply = llmspell.run("tool", "invoke", "markdown_converter", "--timeout", "1", "--params", params,
                         "--output", "json", env={"LLMSPELL_TOOLS_ISOLATION": "auto"}).json
    assert reply["error"]["code"] == "timeout", reply
    assert time.monotonic() - start < 15
