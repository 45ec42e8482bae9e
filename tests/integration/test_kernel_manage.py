# SPDX-License-Identifier: Apache-2.0
"""`kernel restart`, `reload`, `dump`: what they do to a daemon, and what they refuse."""
import json
import os
import re
import signal
import subprocess

import pytest

from conftest import BUILD
from jupyter_session import (  # noqa: F401 (fixtures)
    PATIENCE, RUN_ON, llmspell, open_session, process_fd, wait_end, wait_until)

SAME = ("ip", "transport", "key", "shell_port", "iopub_port", "stdin_port", "control_port", "hb_port")


def exec_lua(llmspell, code, id="test"):
    done = llmspell.run("--kernel", id, "exec", code)
    assert done.status == 0, done
    return done.out.rstrip("\n")


def connection_of(llmspell, id="test"):
    return json.loads((llmspell.home / "kernels" / f"{id}.json").read_text())


def state_of(llmspell, id="test"):
    return json.loads((llmspell.home / "state" / id / "kernel_state.json").read_text())


def write_ini(llmspell, text):
    (llmspell.home / "llmspell.ini").write_text(text)


# ---- restart ----

def events_arrive(session):
    """An open client's subscription is back some time after its connection."""
    asked = session.send("kernel_info_request", channel="control")
    try:
        return session.event(asked, patience=1)
    except AssertionError:
        return False


def test_restart(llmspell, open_session):
    """Another process, the same ports and key, the same settings; an open client goes on."""
    started = llmspell.start("--set", "kernel.history_max=7")
    before = connection_of(llmspell)
    session = open_session(started["connection_file"])
    session.run("x = 1")
    done = llmspell.run("kernel", "restart", cwd=llmspell.home)
    assert done.status == 0 and done.err == "", done
    after = connection_of(llmspell)
    assert re.match(rf"kernel test runs \(pid {after['pid']}\)\n", done.out)
    assert after["pid"] != before["pid"]
    assert {key: after[key] for key in SAME} == {key: before[key] for key in SAME}
    assert (llmspell.home / "kernels" / "test.json").stat().st_mode & 0o777 == 0o600
    wait_until(lambda: events_arrive(session), "an event for the open client")
    assert session.run("return x or 'new'").value == "new"
    status = llmspell.json("kernel", "status")
    assert status["workdir"] == str(llmspell.cwd) and status["pid"] == after["pid"]
    assert "kernel.history_max=7" in state_of(llmspell)["arguments"]


def test_restart_again_and_again(llmspell):
    """What was typed at the start stays what it was, however often."""
    llmspell.start()
    pids = {connection_of(llmspell)["pid"]}
    llmspell.run("kernel", "restart")
    words = state_of(llmspell)["arguments"]
    for _ in range(4):
        document = llmspell.json("kernel", "restart", "test")
        assert document["status"] == "ok" and document["kernel_id"] == "test"
        pids.add(document["pid"])
    assert len(pids) == 5
    assert len(state_of(llmspell)["arguments"]) <= len(words) + 1  # --output=json


def test_restart_of_a_made_up_id(llmspell):
    made = llmspell.run("-o", "json", "kernel", "start", "--daemon").json["kernel_id"]
    assert llmspell.json("kernel", "restart")["kernel_id"] == made
    assert [k["kernel_id"] for k in llmspell.json("kernel", "list")] == [made]


def test_restart_keeps_the_environment(llmspell):
    done = llmspell.run("kernel", "start", "-d", "--id", "test",
                        env={"LLMSPELL_LOG_LEVEL": "debug"})
    assert done.status == 0
    assert llmspell.run("kernel", "restart", env={"LLMSPELL_LOG_LEVEL": "off"}).status == 0
    exec_lua(llmspell, "Log.debug('still told')")
    wait_until(lambda: "still told" in llmspell.log(), "a record of level debug")


def test_restart_of_a_dead_kernel(llmspell):
    started = llmspell.start()
    before = connection_of(llmspell)
    fd = process_fd(started["pid"])
    os.kill(started["pid"], signal.SIGKILL)
    assert wait_end(fd)
    os.close(fd)
    assert llmspell.run("kernel", "restart", "test").status == 0
    after = connection_of(llmspell)
    assert {key: after[key] for key in SAME} == {key: before[key] for key in SAME}
    assert exec_lua(llmspell, "6 * 7") == "42"


def test_restart_waits_for_the_end(llmspell, open_session):
    """A kernel that does not end in time is left alone, and nothing is started beside it."""
    started = llmspell.start("--set", "kernel.shutdown_grace=1h")
    open_session(started["connection_file"]).start_running(RUN_ON)
    done = llmspell.run("kernel", "restart", "--timeout", "1")
    assert done.status == 5 and "kernel stop --force test" in done.err, done
    assert [k["pid"] for k in llmspell.json("kernel", "list")] == [started["pid"]]
    assert llmspell.run("kernel", "stop", "--force").status == 0


def test_restart_refuses_the_foreground(llmspell):
    process = llmspell.popen("-o", "json", "kernel", "start", "--id", "fore", stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    pid = json.loads(process.stdout.readline())["pid"]
    done = llmspell.run("kernel", "restart", "fore")
    assert done.status == 1 and "systemctl restart" in done.err, done
    assert llmspell.json("kernel", "status")["pid"] == pid
    assert llmspell.run("kernel", "stop").status == 0
    process.communicate(timeout=PATIENCE)


@pytest.mark.parametrize("content", [None, "{", "[]", "{}", '{"daemon": true}',
                                     '{"daemon": true, "program": "/bin/sh", "workdir": "/"}',
                                     '{"daemon": true, "program": "/no/such/program", "workdir": "/",'
                                     ' "arguments": ["kernel", "start"]}'])
def test_restart_without_a_good_state_file(llmspell, content):
    """Nothing is stopped that could not be started again."""
    started = llmspell.start()
    path = llmspell.home / "state" / "test" / "kernel_state.json"
    path.unlink(missing_ok=True)
    if content is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    done = llmspell.run("kernel", "restart")
    assert done.status in (1, 3) and done.out == "" and done.err.startswith("llmspell: "), done
    assert llmspell.json("kernel", "status")["pid"] == started["pid"]


def test_restart_of_nothing(llmspell):
    assert llmspell.run("kernel", "restart").status == 3
    llmspell.start(id="known")
    done = llmspell.run("kernel", "restart", "know")  # only a whole id
    assert done.status == 3 and "did you mean known?" in done.err


# ---- reload ----

def test_reload_of_nothing_new(llmspell):
    llmspell.start()
    assert llmspell.run("kernel", "reload").out == "nothing changed\n"
    document = llmspell.json("kernel", "reload", "test")
    assert document["status"] == "ok" and document["pending"] is False
    assert document["applied"] == [] and document["restart_needed"] == []
    again = llmspell.json("kernel", "reload")
    assert again["reload"] == document["reload"] + 1


def test_reload_of_settings(llmspell):
    llmspell.start()
    exec_lua(llmspell, "kept = 'state'")
    write_ini(llmspell, "[log]\nlevel = debug\n[kernel]\nruntime = other\n")
    done = llmspell.run("kernel", "reload")
    assert done.status == 0, done
    assert done.out.splitlines() == [
        "log.level: info → debug",
        "kernel.runtime: lua → other needs a restart (llmspell kernel restart test)"]
    exec_lua(llmspell, "Log.debug('told now')")
    wait_until(lambda: "told now" in llmspell.log(), "a record of level debug")
    assert exec_lua(llmspell, "kept") == "state"
    assert llmspell.json("kernel", "status")["last_reload"]["applied"] == [
        {"setting": "log.level", "from": "info", "to": "debug"}]


@pytest.mark.parametrize("text, where", [
    ("[log]\nlevel = loud\n", r"llmspell\.ini:2: \[log\] level"),
    ("[log]\nlevle = debug\n", r"did you mean level\?"),
])
def test_reload_of_a_bad_configuration(llmspell, text, where):
    """In a file of the kernel's own (-c): the command does not read it, the kernel refuses it."""
    ini = llmspell.cwd / "llmspell.ini"
    ini.write_text("[log]\nlevel = info\n")
    llmspell.start("-c", ini)
    ini.write_text(text)
    done = llmspell.run("kernel", "reload")
    assert done.status == 1 and done.out == "" and re.search(where, done.err), done
    reply = llmspell.run("-o", "json", "--kernel", "test", "kernel", "reload").json
    assert reply["status"] == "error" and reply["error"]["code"] in ("invalid_params", "parse_error")
    assert exec_lua(llmspell, "6 * 7") == "42"


def test_reload_where_the_command_itself_has_a_bad_configuration(llmspell):
    llmspell.start()
    write_ini(llmspell, "[log]\nlevle = debug\n")
    try:
        done = llmspell.run("kernel", "reload")
        assert done.status == 1 and "did you mean level?" in done.err, done
    finally:
        (llmspell.home / "llmspell.ini").unlink()
    assert exec_lua(llmspell, "6 * 7") == "42"


def test_reload_of_a_plugin(llmspell, tmp_path):
    """A file that came is told, and so is one that went."""
    folder = tmp_path / "plugins"
    folder.mkdir(mode=0o755)
    llmspell.env["LLMSPELL_PLUGIN_PATH"] = str(folder)
    llmspell.start()
    tool = sorted((BUILD / "lib/llmspell/tools").glob("*.so"))[0]
    (folder / tool.name).write_bytes(tool.read_bytes())  # goes before the one beside the program
    done = llmspell.run("kernel", "reload")
    assert done.status == 0 and re.search(rf"^tool {tool.stem}: ", done.out, re.M), done
    (folder / tool.name).unlink()
    done = llmspell.run("kernel", "reload")
    assert done.status == 0 and re.search(rf"^tool {tool.stem}: ", done.out, re.M), done


def test_reload_of_the_protocol_that_is_spoken(llmspell, tmp_path):
    """Its new file takes over while we wait on the old one; the command finds the way back."""
    folder = tmp_path / "plugins"
    folder.mkdir(mode=0o755)
    file = BUILD / "lib/llmspell/protocols/jupyter.so"
    (folder / "jupyter.so").write_bytes(file.read_bytes())
    llmspell.env["LLMSPELL_PLUGIN_PATH"] = str(folder)
    started = llmspell.start()
    exec_lua(llmspell, "kept = 'state'")
    (folder / "new").write_bytes(file.read_bytes())
    (folder / "new").rename(folder / "jupyter.so")
    done = llmspell.run("kernel", "reload")
    assert done.status == 0 and re.search(r"^protocol jupyter: replaced", done.out, re.M), done
    assert exec_lua(llmspell, "kept") == "state"
    assert llmspell.json("kernel", "status")["pid"] == started["pid"]


# ---- dump ----

def test_dump(llmspell):
    started = llmspell.start()
    exec_lua(llmspell, "1")
    path = llmspell.home / "dump" / "test.json"
    done = llmspell.run("kernel", "dump")
    assert done.status == 0 and done.err == f"written to {path}\n", done
    assert done.json == json.loads(path.read_text()) and done.out.startswith("{\n  ")
    assert path.stat().st_mode & 0o777 == 0o600
    quiet = llmspell.run("-q", "kernel", "dump", "test")
    assert quiet.status == 0 and quiet.err == "" and quiet.json
    document = llmspell.run("-o", "json", "kernel", "dump")
    assert document.err == "" and document.json == json.loads(path.read_text())
    assert str(started["pid"]) in document.out


@pytest.mark.parametrize("command", ["reload", "dump", "restart"])
def test_an_unknown_id(llmspell, command):
    llmspell.start(id="known")
    done = llmspell.run("kernel", command, "unheard-of")
    assert done.status == 3 and "unheard-of" in done.err and done.out == ""
