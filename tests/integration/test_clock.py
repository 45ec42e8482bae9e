# SPDX-License-Identifier: Apache-2.0
"""[tools] clock fixes the time that tools see, in the kernel's process and in one of their own."""
import json

import pytest

NOW = "2024-02-29T23:59:58.250Z"
SECONDS = 1709251198
KEY = "k" * 40


@pytest.fixture(params=["inline", "process"])
def ask(llmspell, request):
    def ask(tool, **params):
        done = llmspell.run("--set", f"tools.clock={NOW}", "--set", f"tools.isolation={request.param}",
                            "tool", "invoke", tool, "--params", json.dumps(params), "--output", "json")
        assert done.status == 0, done
        return done.json["result"]
    return ask


def test_date_time_handler(ask):
    assert ask("date_time_handler", operation="now")["datetime"]["iso"] == NOW
    parsed = ask("date_time_handler", operation="parse", input="tomorrow")["datetime"]
    assert parsed["iso"].startswith("2024-03-01T")


def test_cron_scheduler(ask):
    assert ask("cron_scheduler", expression="@daily", count=2)["runs"] == \
        ["2024-03-01T00:00:00Z", "2024-03-02T00:00:00Z"]


def test_jwt_handler(ask):
    token = ask("jwt_handler", operation="sign", payload={}, key=KEY, expires_in=60)["token"]
    assert ask("jwt_handler", operation="decode", token=token)["payload"] == {"exp": SECONDS + 60}
    assert ask("jwt_handler", operation="verify", token=token, key=KEY, algorithms=["HS256"])["valid"] is True


@pytest.mark.parametrize("version", ["v1", "v7", "ulid"])
def test_uuid_generator(ask, version):
    """The time stands still, and each of many is another one all the same."""
    found = ask("uuid_generator", version=version, count=1000)["uuids"]
    assert len(set(found)) == 1000
    if version != "ulid":
        stamp = ask("uuid_generator", operation="parse", uuid=found[0])["timestamp"]
        assert stamp.startswith("2024-02-29T23:59:58")


def test_key_value_store(llmspell):
    def ask(time, **params):
        return llmspell.run("--set", f"tools.clock={time}", "tool", "invoke", "key_value_store",
                            "--params", json.dumps(params), "--output", "json").json["result"]
    ask(NOW, operation="set", key="a", value=1, ttl_seconds=10)
    assert ask("2024-03-01T00:00:07Z", key="a")["found"] is True
    assert ask("2024-03-01T00:00:09Z", key="a")["found"] is False


def test_system_monitor(ask):
    assert ask("system_monitor", operation="host")["time"] == NOW


def test_a_reload_sets_it(kernel):
    def now():
        return kernel.run("--kernel", "test", "tool", "invoke", "date_time_handler", "operation=now",
                          "--output", "json").json["result"]["datetime"]["iso"]
    assert now() > "2026"
    (kernel.home / "llmspell.ini").write_text(f"[tools]\nclock = {NOW}\n")
    done = kernel.run("--kernel", "test", "kernel", "reload")
    assert "tools.clock" in done.out, done
    assert now() == now() == NOW


@pytest.mark.parametrize("text", ["now", "2024-02-30T00:00:00Z", "2024-02-29", "2024-02-29T00:00:00",
                                  "2024-02-29T00:00:00+01:00", "2024-02-29T00:00:00.1Z", "1709251198"])
def test_what_is_no_time(llmspell, text):
    done = llmspell.run("--set", f"tools.clock={text}", "tool", "invoke", "calculator", "input=1")
    assert done.status == 1 and "expected a time such as 2026-11-22T17:43:13Z" in done.err, done
