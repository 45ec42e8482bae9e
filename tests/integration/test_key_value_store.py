# SPDX-License-Identifier: Apache-2.0
"""What cases of key_value_store cannot say: several processes at once, modes of the files, a store
that somebody else holds, a damaged one."""
import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor

import pytest

NAME = "key_value_store"


def call(llmspell, params, **env):
    return llmspell.run("tool", "invoke", NAME, "--params", json.dumps(params), "--output", "json",
                        env=env or None).json


def store_file(llmspell):
    found = [p for p in llmspell.cwd.parent.rglob("store.db") if p.parent.name == NAME]
    assert len(found) == 1, found
    return found[0]


@pytest.mark.parametrize("isolation", ["auto", "process"])
def test_processes_share_the_store(llmspell, isolation):
    def bump(_):
        return call(llmspell, {"operation": "increment", "key": "n"},
                    LLMSPELL_TOOLS_ISOLATION=isolation)
    with ThreadPoolExecutor(8) as pool:  # the first ones also race to make the file
        replies = list(pool.map(bump, range(40)))
    assert all(r["status"] == "ok" for r in replies), replies
    assert sorted(r["result"]["value"] for r in replies) == list(range(1, 41))
    assert call(llmspell, {"key": "n"})["result"]["version"] == 40


def test_only_its_user_can_read_it(llmspell):
    assert call(llmspell, {"operation": "set", "key": "a", "value": 1})["status"] == "ok"
    path = store_file(llmspell)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert not [p.name for p in path.parent.iterdir() if p.name not in
                ("store.db", "store.db-wal", "store.db-shm")]


def test_a_held_store_ends_by_timeout_and_keeps_what_it_had(llmspell):
    assert call(llmspell, {"operation": "set", "key": "a", "value": 1})["status"] == "ok"
    holder = sqlite3.connect(store_file(llmspell), isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    reply = call(llmspell, {"operation": "set", "key": "a", "value": 2}, LLMSPELL_TOOLS_TIMEOUT="300ms")
    assert reply["error"]["code"] == "timeout", reply
    assert reply["duration_ms"] < 3000
    assert call(llmspell, {"key": "a"})["result"]["value"] == 1, "readers do not wait"
    holder.execute("ROLLBACK")
    holder.close()
    assert call(llmspell, {"operation": "set", "key": "a", "value": 2})["result"]["version"] == 2


def test_a_damaged_store_is_an_error(llmspell):
    assert call(llmspell, {"operation": "set", "key": "a", "value": 1})["status"] == "ok"
    path = store_file(llmspell)
    for log in path.parent.glob("store.db-*"):
        log.unlink()
    path.write_bytes(b"no database " * 1000)
    reply = call(llmspell, {"key": "a"})
    assert reply["error"]["code"] == "io_error" and "damaged" in reply["error"]["message"], reply


def test_the_limit_of_keys_counts_what_is_there(llmspell):
    """The count that triggers keep, set to the limit: new keys are refused, old ones can change, and
    keys whose time is over make room."""
    assert call(llmspell, {"operation": "set_many", "entries": {"a": 1, "b": 2}})["status"] == "ok"
    with sqlite3.connect(store_file(llmspell)) as database:
        assert database.execute("SELECT count FROM live").fetchall() == [(2,)]
        database.execute("UPDATE live SET count = 1000000")
    database.close()
    assert call(llmspell, {"operation": "set", "key": "c", "value": 1})["error"]["code"] == "limit_exceeded"
    assert call(llmspell, {"operation": "set", "key": "a", "value": 5})["result"]["version"] == 2
    assert call(llmspell, {"operation": "delete", "key": "b"})["result"] == {"deleted": True}
    assert call(llmspell, {"operation": "set", "key": "c", "value": 1, "ttl_seconds": 0.001})["status"] == "ok"
    assert call(llmspell, {"operation": "set", "key": "d", "value": 1})["status"] == "ok"


def test_values_beyond_the_limit_of_results(llmspell):
    """Said before they are all in memory."""
    def call_long(params):
        return llmspell.run("tool", "invoke", NAME, "--params", "-", "--output", "json",
                            input=json.dumps(params)).json
    keys = [f"k{i:02}" for i in range(66)]
    for key in keys:
        assert call_long({"operation": "set", "key": key, "value": "x" * 1048000})["status"] == "ok"
    reply = call_long({"operation": "get_many", "keys": keys})
    assert reply["error"]["code"] == "limit_exceeded", reply["error"]
    assert len(call_long({"operation": "get_many", "keys": keys[:9]})["result"]["values"]) == 9
    assert call_long({"operation": "set_many", "entries": dict.fromkeys(keys, 1)})["result"]["count"] == 66
