# SPDX-License-Identifier: Apache-2.0
"""template_engine against the specification of Mustache, as Debian has it in r-cran-whisker: all
modules but the optional lambdas."""
import json
from pathlib import Path

import pytest

SPECS = Path("/usr/lib/R/site-library/whisker/specs")
MODULES = {"comments": 11, "delimiters": 14, "interpolation": 30, "inverted": 21, "partials": 10, "sections": 25}


def load(module):
    return json.loads((SPECS / f"{module}.json").read_text())["tests"]


@pytest.mark.parametrize("module", MODULES)
def test_specification(llmspell, module):
    tests = load(module)
    assert len(tests) == MODULES[module]
    for test in tests:
        params = {"input": test["template"], "context": test["data"], "partials": test.get("partials", {})}
        done = llmspell.run("tool", "invoke", "template_engine", "--params", json.dumps(params), "--output", "json")
        assert done.json["status"] == "ok", (test, done)
        assert done.json["result"]["output"] == test["expected"], test
