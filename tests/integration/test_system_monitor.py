# SPDX-License-Identifier: Apache-2.0
"""system_monitor where its cases.json cannot reach: what a long interval tells meanwhile, and what it
does not wait for."""
from jupyter_session import open_session  # noqa: F401 (fixture)


def test_a_long_interval_shows_how_far_it_is(llmspell, open_session):
    started = llmspell.start()
    session = open_session(started["connection_file"])
    call = session.send("tool_request", {"command": "invoke", "name": "system_monitor",
                                         "params": {"operation": "cpu", "interval_ms": 1500}})
    events = [event["content"] for event in session.finish(call).events
              if event["msg_type"] == "tool_progress"]
    assert len(events) > 2 and all(e["total"] == 1500 and 0 <= e["done"] < 1500 for e in events), events
    done = [event["done"] for event in events]
    assert done == sorted(done)


def test_wrong_mounts_are_found_before_the_interval(llmspell):
    answer = llmspell.run("tool", "invoke", "system_monitor", "--params",
                          '{"interval_ms": 5000, "mounts": ["/", "/no/such/place"]}', "--output", "json",
                          "--timeout", "4").json
    assert answer["error"]["code"] == "not_found" and answer["error"]["path"] == "/mounts/1", answer
