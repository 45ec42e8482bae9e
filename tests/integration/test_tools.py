# SPDX-License-Identifier: Apache-2.0
"""Every tool, by the cases beside its source (plugins/tools/NAME/cases.json), through the real
binary: one process a step, in an empty working directory; each where the tool runs by default, and
in a sandboxed process of its own if that is another place. Results are checked against the result schema of the manifest on
the way ([tools] check_results)."""
import base64
import json
import os
import re
from pathlib import Path

import pytest

from conftest import ROOT

TOOLS = sorted(p.parent.name for p in (ROOT / "plugins" / "tools").glob("*/CMakeLists.txt"))


def isolations(name):
    """Where it runs: by default, and in a process, if that is not the same. A sanitizer sees the
    tool's own code once."""
    manifest = json.loads((ROOT / "plugins" / "tools" / name / f"{name}.json").read_text())
    once = manifest.get("isolation") == "process" or os.environ.get("LLMSPELL_SANITIZER")
    return ["auto"] if once else ["auto", "process"]


def load_cases():
    for name in TOOLS:
        path = ROOT / "plugins" / "tools" / name / "cases.json"
        for index, case in enumerate(json.loads(path.read_text()) if path.exists() else []):
            for isolation in isolations(name):
                yield pytest.param(name, case, isolation, id=f"{name}-{index}-{isolation}")


def set_up(folder, setup):
    for name in setup.get("dirs", []):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for name, text in setup.get("files", {}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text.encode())
    for name, text in setup.get("files_base64", {}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(base64.b64decode(text))
    for name, target in setup.get("links", {}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).symlink_to(target)


MISSING = object()


def at_pointer(value, pointer):
    for part in pointer.split("/")[1:]:
        part = part.replace("~1", "/").replace("~0", "~")
        try:
            value = value[int(part)] if isinstance(value, list) else value[part]
        except (KeyError, IndexError, TypeError, ValueError):
            return MISSING
    return value


def same(expected, actual):
    """Equal values of equal types: 1 is not True, 1 is not 1.0."""
    if type(expected) is not type(actual):
        return False
    if isinstance(expected, dict):
        return expected.keys() == actual.keys() and all(same(v, actual[k]) for k, v in expected.items())
    if isinstance(expected, list):
        return len(expected) == len(actual) and all(map(same, expected, actual))
    return expected == actual


def check(step, reply, where):
    if "error" in step:
        assert reply["status"] == "error", where
        for key, value in step["error"].items():
            assert reply["error"].get(key) == value, where
        return
    assert reply["status"] == "ok", where
    result = reply["result"]
    if "result" in step:
        assert same(step["result"], result), where
    for pointer, value in step.get("result_contains", {}).items():
        assert same(value, at_pointer(result, pointer)), f"{pointer}: {where}"
    for pointer, pattern in step.get("result_matches", {}).items():
        value = at_pointer(result, pointer)
        assert value is not MISSING, f"{pointer}: {where}"
        text = value if isinstance(value, str) else json.dumps(value)
        assert re.search(pattern, text), f"{pointer}: {where}"
    assert any(k in step for k in ("result", "result_contains", "result_matches")), \
        f"a case without an expectation: {where}"


@pytest.mark.parametrize("name,case,isolation", load_cases())
def test_case(llmspell, name, case, isolation):
    set_up(llmspell.cwd, case.get("setup", {}))
    env = {"TMPDIR": str(llmspell.cwd), "LLMSPELL_TOOLS_ISOLATION": isolation}
    for step in case.get("steps", [case]):
        text = json.dumps(step["params"])
        source = text if len(text) < 100000 else "-"
        done = llmspell.run("tool", "invoke", name, "--params", source, "--output", "json",
                            input=text if source == "-" else None, env=env)
        check(step, done.json, f"{case['title']}: {json.dumps(step)[:2000]}\n{done}")
        assert done.status == (1 if "error" in step else 0) or done.json["error"]["code"] == "timeout"


@pytest.mark.parametrize("name", TOOLS)
def test_every_tool_has_cases(name):
    path = ROOT / "plugins" / "tools" / name / "cases.json"
    assert path.exists() and len(json.loads(path.read_text())) >= 20


@pytest.mark.parametrize("name", TOOLS)
def test_examples_of_the_manifest(llmspell, name):
    done = llmspell.run("tool", "test", name, "--output", "json")
    assert done.status == 0, done
    tests = done.json["tests"]
    assert len(tests) >= 2 and all(t["status"] == "ok" for t in tests), done
