# SPDX-License-Identifier: Apache-2.0
"""After a busy life: the connection key stands in the connection file and nowhere else. A crash in
a plugin's own code is found in the log, by the name of its function."""
import json
import os
import re
import signal
import subprocess

import pytest

from conftest import BINARY
from daemons import children, connection_of, proc, state_of
from jupyter_session import (  # noqa: F401 (fixtures)
    llmspell)
from plugins import maker
from test_daemon import ended  # noqa: F401 (a fixture)

SHAKY = """
#include <llmspell/tool.h>
__attribute__((noinline)) static int fall_over(const volatile int *nowhere)
{
    return *nowhere + 1;
}
static int32_t shaky_invoke(void *self, struct llmspell_call *call, const json_t *params,
                            json_t **ret_result)
{
    (void)self, (void)params;
    return llmspell_return(call, ret_result, json_pack("{s:i}", "n", fall_over((int *)8) + 1));
}
LLMSPELL_TOOL(.invoke = shaky_invoke);
"""


@pytest.fixture
def shaky(tmp_path):
    source, folder = tmp_path / "shaky.c", tmp_path / "plugins"
    source.write_text(SHAKY)
    maker.make(folder / "shaky.so", sources=(source,),
               text=maker.manifest("shaky", examples=[{"title": "Fall", "params": {}}]))
    return "--plugin-dir", folder, "--set", "tools.isolation=inline"


# ---- the key ----

def test_the_key_stays_where_it_belongs(llmspell, ended, shaky, tmp_path):
    said = []

    def run(*args, **more):
        done = llmspell.run(*args, **more)
        said.append(done.out + done.err)
        return done
    ini = tmp_path / "own.ini"
    ini.write_text("[log]\nlevel = trace\n")
    pid = llmspell.start("-c", ini, "--log-level", "trace", *shaky)["pid"]
    connection = connection_of(llmspell)
    key = connection["key"]
    assert len(key) >= 32
    run("-k", "test", "exec", "for i = 1, 50 do Log.info('busy ' .. i) end error('on purpose')")
    run("-k", "test", "exec", f"print(#'{key}') Log.error('it is {key}')")
    run("-k", "test", "--log-level", "trace", "tool", "invoke", "calculator", "input=1+1")
    run("-k", "test", "tool", "invoke", "no_such_tool")
    ini.write_text("[log]\nlevle = trace\n")
    assert run("kernel", "reload", "test").status == 1
    ini.write_text("[log]\nlevel = debug\nformat = json\n")
    assert run("kernel", "reload", "test").status == 0
    for args in (["config", "show", "--origin"], ["kernel", "list"], ["kernel", "status", "test"],
                 ["kernel", "logs", "-n", "all", "test"], ["kernel", "dump", "test"]):
        assert run(*args).status == 0 and run("--output", "json", *args).status == 0
    for name, text in (("cut", f'{{"transport": "tcp", "key": "{key}'), ("list", f'["{key}"]'),
                       ("port", json.dumps({**connection, "shell_port": "none"}))):
        broken = tmp_path / f"{name}.json"
        broken.write_text(text)
        assert run("-k", broken, "exec", "1").status != 0
        assert run("kernel", "start", "-d", "-i", name, "-f", broken).status != 0
    said += [proc(pid, "cmdline"), proc(pid, "environ")]
    said += [proc(child, "cmdline") + proc(child, "environ") for child in children(pid)]
    watch = ended(pid)
    if "LLMSPELL_SANITIZER" in os.environ:
        os.kill(pid, signal.SIGKILL)  # it would take the crash for a finding
    else:
        assert run("-k", "test", "tool", "invoke", "shaky").status != 0
    assert watch.wait()
    for args in (["kernel", "status", "test"], ["kernel", "logs", "-n", "all", "test"]):
        run(*args)
    assert run("kernel", "restart", "test").status == 0
    assert connection_of(llmspell)["key"] == key
    assert run("kernel", "stop", "test").status == 0
    files = [path for path in llmspell.home.rglob("*") if path.is_file()]
    assert {"test.log", "test.json", "kernel_state.json"} <= {path.name for path in files}
    assert [str(path) for path in files if key.encode() in path.read_bytes()] == []
    assert [text for text in said if key in text] == []
    assert "[redacted]" in llmspell.log()


# ---- the crash ----

@pytest.mark.skipif("LLMSPELL_SANITIZER" in os.environ, reason="a sanitizer's own report says more")
def test_a_crash_is_found(llmspell, ended, shaky):
    """Build id and addresses in the log lead to functions; the commands tell of it; the next start
    has the same ports."""
    pid = llmspell.start(*shaky)["pid"]
    before, watch = connection_of(llmspell), ended(pid)
    build_id = llmspell.json("kernel", "dump", "test")["build_id"]
    failed = llmspell.run("-k", "test", "tool", "invoke", "shaky")
    assert watch.wait() and failed.status in (1, 4, 5), failed
    notes = subprocess.run(["readelf", "-n", BINARY],
                           capture_output=True, text=True).stdout
    assert f"Build ID: {build_id}\n" in notes
    head = re.search(rf"^llmspell crashed: SIGSEGV \(address 0x8, code 1\) in thread tools-1 "
                     rf"\(\d+\) of kernel test, version \S+, build id {build_id}, ", llmspell.log(), re.M)
    assert head, llmspell.log()
    frames = re.findall(r"^#\d+ 0x[0-9a-f]+ (\S+)\+(0x[0-9a-f]+)$", llmspell.log(), re.M)

    def function(frame):
        done = subprocess.run(["addr2line", "-Cfpe", *frame], capture_output=True, text=True)
        return done.stdout.split()[0]
    names = [function(frame) for frame in frames]
    assert names[:2] == ["fall_over", "shaky_invoke"], (frames, names)
    assert "tool_invoke" in names, names

    status = llmspell.run("kernel", "status", "test")
    assert status.status == 3 and status.out.startswith("DEAD"), status
    row, = llmspell.json("kernel", "list")
    assert (row["kernel_id"], row["state"]) == ("test", "dead")
    logs = llmspell.run("kernel", "logs", "-n", "all", "test")
    assert logs.status == 0 and head[0] in logs.out and "shaky.so+0x" in logs.out
    assert state_of(llmspell)["ended"] is None
    llmspell.start(*shaky)
    after = connection_of(llmspell)
    assert {k: v for k, v in after.items() if k != "pid"} == \
           {k: v for k, v in before.items() if k != "pid"} and after["pid"] != pid
