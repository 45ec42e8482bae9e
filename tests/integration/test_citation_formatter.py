# SPDX-License-Identifier: Apache-2.0
"""citation_formatter on bibliographies that are made to be slow or large; cases cannot hold them."""
import json
import time

import pytest


def invoke(llmspell, text, *options, name="in.bib", **params):
    (llmspell.cwd / name).write_text(text)
    start = time.monotonic()
    done = llmspell.run("tool", "invoke", *options, "citation_formatter", "--params", "-", "--output",
                        "json", input=json.dumps({"path": name, **params}))
    return done.json.get("result") or done.json["error"], time.monotonic() - start


LARGE = {
    "one parent of many fields": "@misc{p," + "".join(f"a{i}=1," for i in range(60000)) + "}" +
                                 "".join(f"@misc{{k{i},crossref={{p}}}}\n" for i in range(20000)),
    "one long parent": "".join(f"@misc{{k{i},crossref={{p}}}}\n" for i in range(5000)) +
                       "@misc{p,title={" + "x" * 50000 + "}}",
    "strings of strings": '@string{a0="xxxxxxxxxx"}' + "".join(
        f"@string{{a{i + 1}=a{i} # a{i}}}" for i in range(40)) + "@misc{k,title=a40}",
    "many values": "[" + "1," * 9000000 + "1]",
    "many entries": "@misc{a,title={T}}\n" * 100001,
}


@pytest.mark.parametrize("operation", ["format", "validate"])
@pytest.mark.parametrize("name", LARGE)
def test_amplification(llmspell, name, operation):
    error, _ = invoke(llmspell, LARGE[name], operation=operation)
    assert error["code"] == "limit_exceeded" and error["path"] == "/path", error


@pytest.mark.parametrize("unit", ["@misc{a,title={x\n", '@misc{a,title="x\n', "@misc{a,x=\n", "@string{\n"])
def test_what_is_not_closed_costs_no_square(llmspell, unit):
    reply, seconds = invoke(llmspell, unit * 200000, operation="validate")
    assert reply.get("valid") is False or reply["code"] == "limit_exceeded", reply
    assert seconds < 20


def test_a_key_asked_for_often(llmspell):
    """What the citation does not show costs time, too; the time limit holds."""
    text = json.dumps([{"id": "a", "type": "book", "title": "T", "genre": "x" * 20000000}])
    error, seconds = invoke(llmspell, text, "--timeout", "1", name="in.json", cite_keys="a," * 200000)
    assert error["code"] == "timeout" and seconds < 15, error
