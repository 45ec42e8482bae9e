# SPDX-License-Identifier: Apache-2.0
"""A kernel's whole life under valgrind's memcheck: no error, nothing definitely lost."""
import os
import shutil
import signal
import subprocess

import pytest

from conftest import BINARY, ROOT
from jupyter_session import (  # noqa: F401 (fixtures)
    PATIENCE, RUN_ON, llmspell, open_session)

pytestmark = [
    pytest.mark.skipif(not shutil.which("valgrind"), reason="valgrind is not installed"),
    pytest.mark.skipif(bool(os.environ.get("LLMSPELL_SANITIZER")),
                       reason="valgrind cannot run a program that is built with a sanitizer")]


def start(llmspell, log, *args):
    process = subprocess.Popen(
        ["valgrind", "--leak-check=full", "--show-leak-kinds=definite",
         "--errors-for-leak-kinds=definite", "--error-exitcode=97", f"--log-file={log}",
         f"--suppressions={ROOT}/tests/sanitizers/valgrind.supp", str(BINARY), "kernel", "start",
         "--id", "test", *args],
        env=llmspell.env, cwd=llmspell.cwd, text=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout.readline().startswith("kernel test runs"), log.read_text()
    return process


def test_a_life(llmspell, open_session, tmp_path):
    log = tmp_path / "valgrind"
    process = start(llmspell, log, "--set", "kernel.shutdown_grace=1h")
    try:
        session = open_session(llmspell.home / "kernels" / "test.json")
        assert session.run("x = Tool.calculator{input='6*7'} print(x.result) return x").text() == "42\n"
        assert session.run("error('on purpose')", stop_on_error=False).reply["status"] == "error"
        assert session.run("os.execute('true') return io.popen('echo hi'):read()").reply["status"] == "ok"
        cell = session.start_running(RUN_ON)
        queued = session.execute("never = 1")
        session.wait_pending(2)
        for name in ("hash_calculator", "uuid_generator", "no_such_tool"):
            session.ask("tool_request", {"command": "invoke", "name": name,
                                         "params": {"input": "abc"}}, channel="control")
        session.ask("tool_request", {"command": "list"}, channel="control")
        session.ask("interrupt_request", channel="control")
        assert session.reply(cell)["content"]["ename"] == "KeyboardInterrupt"
        session.reply(queued)
        (llmspell.home / "llmspell.ini").write_text("[log]\nlevel = debug\n[tool.calculator]\nx = 1\n")
        assert session.ask("reload_request", channel="control").reply["status"] == "error"
        (llmspell.home / "llmspell.ini").write_text("[log]\nlevel = debug\n")
        outcome = session.ask("reload_request", channel="control").reply
        assert [c["setting"] for c in outcome["applied"]] == ["log.level"]
        process.send_signal(signal.SIGUSR1)
        process.send_signal(signal.SIGUSR2)
        assert session.ask("dump_request", channel="control").reply["status"] == "ok"
        last = session.execute("return 'got ' .. io.read()")
        session.question()
        process.send_signal(signal.SIGTERM)
        session.foreign_event("shutdown_notification")
        session.input("it")
        assert session.finish(last).value == "got it"
        process.communicate(timeout=PATIENCE * 2)
        text = log.read_text()
        assert process.returncode == 0, text
        assert "ERROR SUMMARY: 0 errors" in text and "definitely lost: 0 bytes" in text, text
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
