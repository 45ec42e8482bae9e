# SPDX-License-Identifier: Apache-2.0
"""json_processor: what cases cannot say. A jq program cannot be interrupted by itself: time limits
and memory limits must hold all the same, and the next call must work. Texts are read straight into
jq's values: beside the same values given as input."""
import json
import os
import random
import time

import pytest

from conftest import SLOW


def invoke(llmspell, params, *settings):
    return llmspell.run(*settings, "tool", "invoke", "json_processor", "--params", "-", "--output",
                        "json", input=json.dumps(params))


@pytest.mark.parametrize("query", ["def f: f; f", "[limit(1; repeat(empty))]", "last(range(1e15))"])
def test_an_endless_query_ends_at_the_time_limit(llmspell, query):
    start = time.monotonic()
    done = invoke(llmspell, {"query": query, "input": None}, "--set", "tools.timeout=1")
    assert done.json["error"]["code"] == "timeout", done
    assert time.monotonic() - start < 5


def test_memory_is_limited_and_the_process_lives(kernel):
    """The second call reaches the same runner, or a new one: it works."""
    run = ("--kernel", "test")
    for _ in range(2):
        done = invoke(kernel, {"query": "[range(1e9)]", "input": None}, *run)
        assert done.json["error"]["code"] == "limit_exceeded", done
        done = invoke(kernel, {"query": ".+1", "input": 1}, *run)
        assert done.json["result"]["results"] == [2], done


@pytest.mark.skipif(SLOW > 1, reason="a sanitizer's allocator has no limit")
def test_no_memory_at_all(kernel):
    """What malloc refuses ends the call, not the process."""
    for _ in range(2):
        done = invoke(kernel, {"query": ".[536870911] = 1", "input": None}, "--kernel", "test")
        assert done.json["error"]["code"] == "limit_exceeded", done
        done = invoke(kernel, {"query": ".+1", "input": 1}, "--kernel", "test")
        assert done.json["result"]["results"] == [2], done


def test_the_environment_of_the_host_is_not_seen(llmspell):
    llmspell.env["TOP_SECRET"] = "sesame"
    done = invoke(llmspell, {"query": "[env, $ENV] | tojson", "input": None})
    assert done.json["result"]["results"] == ["[{},{}]"], done


def test_modules_are_not_read(llmspell):
    (llmspell.cwd / "m.jq").write_text('def f: "sesame";')
    (llmspell.cwd / "d.json").write_text('["sesame"]')
    for query in ('import "m" as m; m::f', 'include "m"; f', 'import "d" as $d; $d',
                  'import "./m" as m; m::f', '"m" | modulemeta'):
        done = invoke(llmspell, {"query": query, "input": None})
        assert done.json["error"]["code"] in ("parse_error", "failed"), done
        assert "sesame" not in done.out, done


def test_many_lines(llmspell):
    lines = "\n".join(json.dumps({"n": n}) for n in range(50000)) + "\n{\n"
    (llmspell.cwd / "l.jsonl").write_text(lines)
    done = invoke(llmspell, {"operation": "stream", "path": "l.jsonl", "query": "select(.n % 10000 == 7) | .n"})
    result = done.json["result"]
    assert result["results"] == [7, 10007, 20007, 30007, 40007]
    assert result["lines"] == 50001 and [e["line"] for e in result["errors"]] == [50001]
@pytest.mark.skipif(os.environ.get("LLMSPELL_SANITIZER") == "address",
                    reason="ASan's allocator ends the process when memory runs out")
def test_memory(llmspell):
    params = {"query": "def f: [f]; f", "input": None}
    done = llmspell.run("tool", "invoke", "json_processor", "--params", json.dumps(params),
                        "--output", "json")
    assert done.json["error"]["code"] == "limit_exceeded", done
    assert done.json["error"]["path"] == "/query", done


@pytest.mark.skipif(os.environ.get("LLMSPELL_SANITIZER") == "address",
                    reason="ASan's allocator ends the process when memory runs out")
def test_a_document_that_needs_all_memory(llmspell):
    (llmspell.cwd / "wide.json").write_text("[" + "[]," * 17_000_000 + "1]")
    done = llmspell.run("tool", "invoke", "json_processor", "path=wide.json", "query=length",
                        "--output", "json", env={"TMPDIR": str(llmspell.cwd)})
    assert done.json["error"]["code"] == "limit_exceeded", done


def random_value(rng, depth=0):
    kind = rng.randint(0, 5 if depth > 3 else 7)
    if kind == 6:
        return [random_value(rng, depth + 1) for _ in range(rng.randint(0, 5))]
    if kind == 7:
        return {random_text(rng): random_value(rng, depth + 1) for _ in range(rng.randint(0, 5))}
    return [None, True, False, rng.randint(-10**6, 10**6),
            rng.choice([1, -1]) * rng.random() * 10.0 ** rng.randint(-30, 30), random_text(rng)][kind]


def random_text(rng):
    return "".join(rng.choice(['a', 'Z', '"', "\\", "/", "\n", "\t", "\x01", "\x7f", "é", "€", "😀", "\ud7ff"])
                   for _ in range(rng.randint(0, 8)))


def results(llmspell, **params):
    reply = llmspell.json("tool", "invoke", "json_processor", "--params", json.dumps(params))
    assert reply["status"] == "ok", reply
    return reply["result"]["results"]


@pytest.mark.parametrize("seed", range(5))
def test_text_is_read_as_input_is(llmspell, seed):
    rng = random.Random(seed)
    values = [random_value(rng) for _ in range(100)]
    for ascii_only in (True, False):
        text = json.dumps(values, ensure_ascii=ascii_only, indent=rng.choice([None, 1, "\t"]))
        read = results(llmspell, text=text, query=".")
        assert read == results(llmspell, input=values, query=".") == [values]


def test_numbers_are_rounded_right(llmspell):
    rng = random.Random(1)
    texts = ["0", "-0", "-0.0", "1e0", "1E+2", "12.50", "1e22", "1e23", "9007199254740993",
             "123456789012345678", "1.7976931348623157e308", "5e-324", "2.2250738585072011e-308",
             "1e-400", "0.1", "0.30000000000000004", "9007199254740993.0", "1.00000000000000011"]
    texts += [f"{rng.random():.{rng.randint(1, 30)}g}" for _ in range(300)]
    texts += [f"{rng.randint(1, 10**15)}e{rng.randint(-40, 40)}" for _ in range(300)]
    read = results(llmspell, text=f"[{','.join(texts)}]", query=".[]")
    assert [float(value) for value in read] == [float(text) for text in texts]


@pytest.mark.parametrize("text", ["", "[", "[1,]", "{", '{"a"}', '{"a":}', '{"a":1,}', "01", "1.", ".5",
                                  "1e", "-", "+1", "nul", "truex", "1 2", '"', '"\\x"', '"\\u12"',
                                  '"\\ud800"', '"\\ud800\\u0041"', '"\\udc00"', '"a\tb"', "'a'", "[1 2]",
                                  '{"a":1,"a":2}', "9223372036854775808", "1e999", "NaN", "{a:1}",
                                  "[" * 3000])
def test_what_is_no_json(llmspell, text):
    done = llmspell.json("tool", "invoke", "json_processor", "--params",
                         json.dumps({"text": text, "query": "."}))
    assert done["error"]["code"] == ("limit_exceeded" if len(text) > 2048 else "parse_error"), done
    assert done["error"]["path"] == "/text"
