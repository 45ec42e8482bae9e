# SPDX-License-Identifier: Apache-2.0
"""graph_builder draws in a process of its own and works inline: one tool, two places."""
import json
import re

from daemons import children

GRAPH = {"edges": [["a", "b"], ["b", "c"]]}


def test_info(llmspell):
    info = llmspell.run("tool", "info", "graph_builder", "--output", "json").json
    assert info["effective_isolation"] == {"default": "inline", "render": "process"}
    assert info["enforced"]["limits"]
    page = llmspell.run("tool", "info", "graph_builder").out
    assert re.search(r"^ +isolation +inline; process: render$", page, re.M), page
    page = llmspell.run("tool", "info", "graph_builder", env={"LLMSPELL_TOOLS_ISOLATION": "process"}).out
    assert re.search(r"^ +isolation +process$", page, re.M), page


def test_both_places_in_one_kernel(kernel):
    """A call in a runner does not pass for an open plugin, nor the other way round."""
    def ask(operation, **more):
        params = {"operation": operation, "graph": GRAPH, **more}
        return kernel.run("tool", "invoke", "graph_builder", "--kernel", "test", "--params",
                          json.dumps(params), "--output", "json").json["result"]

    def runners():
        return len(children(kernel.connection["pid"]))

    assert "<svg" in ask("render")["data"] and runners() == 1
    assert ask("analyze")["node_count"] == 3
    assert ask("shortest_path", **{"from": "a", "to": "c"})["hops"] == 2 and runners() == 1
    assert "<svg" in ask("render")["data"] and runners() == 1


def test_inline_alone_starts_no_process(kernel):
    done = kernel.run("tool", "invoke", "graph_builder", "--kernel", "test", "--params",
                      json.dumps({"operation": "analyze", "graph": GRAPH}), "--output", "json")
    assert done.json["result"]["is_dag"] is True and children(kernel.connection["pid"]) == []
