# SPDX-License-Identifier: Apache-2.0
"""json_processor: what cases cannot say. A jq program cannot be interrupted by itself: time limits
and memory limits must hold all the same, and the next call must work."""
import json
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
