# SPDX-License-Identifier: Apache-2.0
"""json_processor beyond its cases: a query that needs all memory."""
import json
import os

import pytest


@pytest.mark.skipif(os.environ.get("LLMSPELL_SANITIZER") == "address",
                    reason="ASan's allocator ends the process when memory runs out")
def test_memory(llmspell):
    params = {"query": "def f: [f]; f", "input": None}
    done = llmspell.run("tool", "invoke", "json_processor", "--params", json.dumps(params),
                        "--output", "json")
    assert done.json["error"]["code"] == "limit_exceeded", done
    assert done.json["error"]["path"] == "/query", done
