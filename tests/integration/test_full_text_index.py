# SPDX-License-Identifier: Apache-2.0
"""What cases of full_text_index cannot express: scores against SQLite's own bm25, processes at once,
words by the hundred thousand, cancellation in the midst of a large file, the file of the store."""
import json
import random
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

NAME = "full_text_index"


def call(llmspell, params, **env):
    return llmspell.run("tool", "invoke", NAME, "--params", "-", "--output", "json",
                        input=json.dumps(params), env={"TMPDIR": str(llmspell.cwd), **env}).json


def store_file(llmspell):
    found = [p for p in llmspell.cwd.parent.rglob("indexes.db") if p.parent.name == NAME]
    assert len(found) == 1, found
    return found[0]


@pytest.mark.parametrize("tokenizer", ["unicode", "porter"])
def test_scores_are_those_of_sqlite(llmspell, tokenizer):
    """The store is an ordinary FTS5 table: Python's SQLite ranks the same documents by bm25()."""
    dice = random.Random(7)
    words = ["alpha", "beta", "gamma", "delta", "running", "runs", "omega"]
    documents = [{"id": f"{i:03}", "title": " ".join(dice.choices(words, k=dice.randrange(4))),
                  "body": " ".join(dice.choices(words + ["noise"] * 20, k=dice.randrange(1, 60)))}
                 for i in range(300)]
    assert call(llmspell, {"operation": "create", "tokenizer": tokenizer})["status"] == "ok"
    assert call(llmspell, {"operation": "add", "documents": documents})["result"]["added"] == 300
    database = sqlite3.connect(store_file(llmspell))
    for query, expression, weights in [
            ("alpha", '"alpha"', {}), ("alpha beta", '"alpha" "beta"', {"title": 10}),
            ('"gamma delta"', '"gamma delta"', {"body": 0.25}),
            ("running -omega", '"running" NOT "omega"', {}), ("noise", '"noise"', {})]:
        reply = call(llmspell, {"query": query, "limit": 1000, "weights": weights, "snippet": False})
        expected = database.execute(
            'SELECT d.id, -bm25("docs.1", ?, ?) AS s FROM "docs.1" JOIN document d ON d.number = '
            '"docs.1".rowid WHERE "docs.1" MATCH ?', (weights.get("title", 1), weights.get("body", 1),
                                                     expression)).fetchall()
        got = [(r["id"], r["score"]) for r in reply["result"]["results"]]
        assert len(got) == len(expected) > 0
        assert dict(got) == pytest.approx(dict(expected), rel=1e-12)
        assert got == sorted(got, key=lambda pair: (-pair[1], pair[0]))
    database.close()


@pytest.mark.parametrize("isolation", ["auto", "process"])
def test_processes_share_the_store(llmspell, isolation):
    def add(i):
        return call(llmspell, {"operation": "add", "documents": [{"id": str(i), "body": "same"}]},
                    LLMSPELL_TOOLS_ISOLATION=isolation)
    with ThreadPoolExecutor(6) as pool:  # the first ones also race to make the file and the index
        replies = list(pool.map(add, range(24)))
    assert all(r["status"] == "ok" for r in replies), replies
    assert call(llmspell, {"query": "same"})["result"]["total"] == 24


def test_a_word_by_the_hundred_thousand(llmspell):
    """FTS5's own snippet() would compare all places with all others: minutes."""
    (llmspell.cwd / "many.txt").write_text("spam egg " * 300000)
    assert call(llmspell, {"operation": "add", "path": "many.txt"})["status"] == "ok"
    started = time.monotonic()
    reply = call(llmspell, {"query": "spam " * 100, "mode": "any"})
    assert reply["result"]["total"] == 1, reply
    assert reply["result"]["results"][0]["snippet"].startswith("<b>spam</b> egg <b>spam</b>")
    assert time.monotonic() - started < 20


def test_text_without_words_makes_a_short_snippet(llmspell):
    (llmspell.cwd / "wide.txt").write_text("word" + "é!" * 500000 + " end")
    assert call(llmspell, {"operation": "add", "path": "wide.txt", "fields": ["body"]})["status"] == "ok"
    reply = call(llmspell, {"query": "word*", "mode": "fts5"})
    assert len(reply["result"]["results"][0]["snippet"].encode()) < 5000


def test_a_large_file_ends_when_time_is_over(llmspell):
    (llmspell.cwd / "large.txt").write_text("".join(f"w{i} " for i in range(4000000)))
    started = time.monotonic()
    reply = call(llmspell, {"operation": "add", "path": "large.txt"}, LLMSPELL_TOOLS_TIMEOUT="500ms")
    assert reply["error"]["code"] == "timeout", reply
    assert reply["duration_ms"] < 2000 and time.monotonic() - started < 10
    assert call(llmspell, {"operation": "list"})["result"] == {"indexes": []}


def test_a_file_over_50_mib(llmspell):
    with open(llmspell.cwd / "huge.txt", "wb") as file:
        file.truncate((50 << 20) + 1)
    assert call(llmspell, {"operation": "add", "path": "huge.txt"})["error"]["code"] == "limit_exceeded"


def test_the_store_is_no_document_and_only_its_user_can_read_it(llmspell):
    assert call(llmspell, {"operation": "create"})["status"] == "ok"
    path = store_file(llmspell)
    assert path.stat().st_mode & 0o777 == 0o600
    (llmspell.cwd / "link.txt").symlink_to(path)
    for name in [str(path), "link.txt"]:
        reply = call(llmspell, {"operation": "add", "path": name})
        assert (reply["error"]["code"], reply["error"]["path"]) == ("permission_denied", "/path"), reply


def test_a_held_store_ends_by_timeout_and_can_still_be_searched(llmspell):
    document = {"operation": "add", "documents": [{"id": "1", "body": "one"}]}
    assert call(llmspell, document)["status"] == "ok"
    holder = sqlite3.connect(store_file(llmspell), isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    reply = call(llmspell, document, LLMSPELL_TOOLS_TIMEOUT="300ms")
    assert reply["error"]["code"] == "timeout" and reply["duration_ms"] < 3000, reply
    assert call(llmspell, {"query": "one"})["result"]["total"] == 1
    holder.close()
    assert call(llmspell, document)["result"] == {"added": 0, "replaced": 1}


def test_results_beyond_their_limit(llmspell):
    """Said before they are all in memory, whatever the number of documents."""
    for name in ("a.txt", "b.txt"):
        (llmspell.cwd / name).write_text("needle " + "x" * (40 << 20))
        assert call(llmspell, {"operation": "add", "path": name})["status"] == "ok"
    assert len(call(llmspell, {"operation": "get", "ids": ["a.txt"]})["result"]["documents"]) == 1
    for params in ({"operation": "get", "ids": ["a.txt", "b.txt"]}, {"query": "needle", "fields": ["body"]}):
        reply = call(llmspell, params)
        assert reply["error"]["code"] == "limit_exceeded", reply["error"]
        assert "ask for less" in reply["error"]["message"], reply["error"]
    assert call(llmspell, {"query": "needle"})["result"]["count"] == 2
