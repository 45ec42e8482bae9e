# SPDX-License-Identifier: Apache-2.0
"""Real front ends, as Debian packages them: kernelspec, jupyter run, nbconvert, jupyter console;
and the tour that `make run` shows."""
import hashlib
import json
import os
import re
import select
import subprocess
from pathlib import Path

import pytest

from conftest import BINARY, ROOT
from console import ESCAPES, Console
from frontend import PATIENCE


# ---- kernelspec ----

def test_kernelspec(jupyter):
    folder = Path(jupyter.env["JUPYTER_DATA_DIR"]) / "kernels" / "llmspell-lua"
    assert jupyter.installed["file"] == str(folder / "kernel.json")
    listed = json.loads(jupyter.run("kernelspec", "list", "--json").stdout)["kernelspecs"]
    assert listed["llmspell-lua"]["resource_dir"] == str(folder)
    spec = listed["llmspell-lua"]["spec"]
    assert spec["display_name"] and spec["language"] == "lua"
    assert spec["interrupt_mode"] == "message" and "{connection_file}" in spec["argv"]
    assert spec["argv"][0] == str(BINARY.resolve())
    assert spec["metadata"]["debugger"] is True
    text = jupyter.run("kernelspec", "list").stdout
    assert re.search(rf"^\s+llmspell-lua\s+{re.escape(str(folder))}$", text, re.M)


def test_kernelspec_of_another_name_and_place(llmspell, jupyter):
    prefix = llmspell.cwd / "prefix"
    done = llmspell.run("kernel", "install", "--prefix", prefix, "--name", "my.lua-1",
                        "--display-name", "Mein Lua ✓")
    assert done.status == 0, done
    jupyter.env["JUPYTER_PATH"] = str(prefix / "share" / "jupyter")
    listed = json.loads(jupyter.run("kernelspec", "list", "--json").stdout)["kernelspecs"]
    assert listed["my.lua-1"]["spec"]["display_name"] == "Mein Lua ✓"
    assert llmspell.run("kernel", "install", "--name", "no/slash").status == 2


def test_installing_again_replaces(llmspell, jupyter):
    again = llmspell.json("kernel", "install", "--user", "--display-name", "Newer", env=jupyter.env)
    assert again["file"] == jupyter.installed["file"]
    assert json.loads(Path(again["file"]).read_text())["display_name"] == "Newer"


def test_uninstall_by_jupyter(jupyter):
    assert jupyter.run("kernelspec", "remove", "-f", "llmspell-lua").returncode == 0
    assert not Path(jupyter.installed["file"]).parent.exists()


# ---- jupyter run ----

def run_script(jupyter, *args, input=None):
    """jupyter_client 7.4.9 may send its code before its own subscription has reached the kernel; it
    then waits in vain for output that went out before (the reason for iopub_welcome). Only that is
    tried again."""
    for _ in range(5):
        done = jupyter.run("run", "--kernel", "llmspell-lua", *args, input=input)
        if "Timeout waiting for output" not in done.stderr:
            return done
    raise AssertionError(done)


def test_jupyter_run(llmspell, jupyter):
    (llmspell.cwd / "script.lua").write_text(
        'print("sum", Tool.calculator{input="2*x+1", variables={x=5}}.result)\n'
        'for i = 1, 3 do io.write(i, " ") end\nprint()\nio.stderr:write("aside\\n")\n')
    done = run_script(jupyter, "script.lua")
    assert done.returncode == 0, done
    assert done.stdout == "sum\t11\n1 2 3 \n" and "aside\n" in done.stderr


def test_jupyter_run_from_stdin(jupyter):
    done = run_script(jupyter, input="print(6 * 7)")
    assert done.returncode == 0 and done.stdout == "42\n", done


def test_jupyter_run_of_an_error(llmspell, jupyter):
    (llmspell.cwd / "bad.lua").write_text('print("before")\nerror("broken")\n')
    done = run_script(jupyter, "bad.lua")
    assert done.returncode != 0 and done.stdout == "before\n"
    assert "broken" in done.stderr and "traceback" in done.stderr


def test_jupyter_run_in_a_running_kernel(kernel, jupyter):
    (kernel.cwd / "one.lua").write_text("kept = 'from jupyter run'\nprint(Kernel.id)")
    done = jupyter.run("run", "--existing", kernel.started["connection_file"], "one.lua")
    assert done.returncode == 0 and done.stdout == "test\n", done
    assert kernel.run("--kernel", "test", "exec", "kept").out == "from jupyter run\n"
    assert kernel.run("kernel", "stop", "test").status == 0


# ---- a front end that starts a kernel for itself ----

MANAGER = """
import sys
from jupyter_client.manager import KernelManager
manager = KernelManager(kernel_name="llmspell-lua")
manager.start_kernel()
client = manager.client()
client.start_channels()
client.wait_for_ready(timeout=60)
reply = client.execute("print('running') while true do end")
while client.get_iopub_msg(timeout=60)["msg_type"] != "stream":
    pass
print(manager.provisioner.pid, flush=True)
sys.stdin.read()
manager.interrupt_kernel()
print(client.get_shell_msg(timeout=60)["content"]["ename"], flush=True)
manager.restart_kernel(now=False)
client.wait_for_ready(timeout=60)
print(client.execute_interactive("return n", timeout=60)["content"]["execution_count"], flush=True)
manager.shutdown_kernel(now=False)
"""


def start_manager(jupyter):
    manager = subprocess.Popen(["/usr/bin/python3", "-c", MANAGER], text=True, env=jupyter.env,
                               cwd=jupyter.llmspell.cwd, stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE)
    return manager, int(manager.stdout.readline())


def is_gone(fd):
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(PATIENCE * 1000))


def test_kernel_manager(jupyter):
    """Interrupt, restart and shutdown as every Jupyter server does them."""
    manager, pid = start_manager(jupyter)
    end = os.pidfd_open(pid)
    out, _ = manager.communicate("", timeout=PATIENCE * 2)
    assert manager.returncode == 0 and out.split() == ["KeyboardInterrupt", "1"]
    assert is_gone(end), "the kernel of before the restart goes on"
    os.close(end)


def test_a_front_end_that_is_killed(jupyter):
    """Its kernel ends with it, also in the middle of a loop."""
    manager, pid = start_manager(jupyter)
    end = os.pidfd_open(pid)
    manager.kill()
    manager.communicate()
    assert is_gone(end), "a kernel without a front end goes on"
    os.close(end)


# ---- nbconvert ----

def notebook(*sources):
    return {"nbformat": 4, "nbformat_minor": 5, "cells": [
        {"id": f"cell-{i}", "cell_type": "code", "execution_count": None, "metadata": {},
         "outputs": [], "source": source} for i, source in enumerate(sources)],
        "metadata": {"kernelspec": {"name": "llmspell-lua", "display_name": "Lua (llmspell)",
                                    "language": "lua"}}}


def convert(llmspell, jupyter, book, *options):
    (llmspell.cwd / "in.ipynb").write_text(json.dumps(book))
    return jupyter.run("nbconvert", "--execute", "--to", "notebook", "--output", "out.ipynb",
                       *options, "in.ipynb")


def test_nbconvert(llmspell, jupyter):
    done = convert(llmspell, jupyter, notebook(
        "x = 5\nprint('x is ' .. x)", 'Tool.calculator{input="2*x+1", variables={x=x}}.result',
        "x = x + 1", "io.stderr:write('careful\\n'); return {x, 'ö'}"))
    assert done.returncode == 0, done
    out = json.loads((llmspell.cwd / "out.ipynb").read_text())
    cells = out["cells"]
    assert [cell["execution_count"] for cell in cells] == [1, 2, 3, 4]
    assert cells[0]["outputs"] == [
        {"output_type": "stream", "name": "stdout", "text": ["x is 5\n"]}]
    assert cells[1]["outputs"] == [
        {"output_type": "execute_result", "execution_count": 2, "metadata": {},
         "data": {"text/plain": ["11"]}}]
    assert cells[2]["outputs"] == []
    assert [o["output_type"] for o in cells[3]["outputs"]] == ["stream", "execute_result"]
    assert cells[3]["outputs"][0]["name"] == "stderr"
    assert cells[3]["outputs"][1]["data"]["text/plain"] == ['{6, "ö"}']
    language = out["metadata"]["language_info"]
    assert language["name"] == "lua" and language["file_extension"] == ".lua"


def test_nbconvert_of_an_error(llmspell, jupyter):
    done = convert(llmspell, jupyter, notebook("kept = 1", "Tool.calculator{input='2 *'}", "kept"))
    assert done.returncode != 0 and not (llmspell.cwd / "out.ipynb").exists()
    assert "parse_error" in done.stderr and "2 *" in done.stderr


def test_nbconvert_with_errors_allowed(llmspell, jupyter):
    done = convert(llmspell, jupyter, notebook("error('first')", "'goes on'"), "--allow-errors")
    assert done.returncode == 0, done
    cells = json.loads((llmspell.cwd / "out.ipynb").read_text())["cells"]
    (error,) = cells[0]["outputs"]
    assert error["output_type"] == "error" and error["ename"] == "RuntimeError"
    assert error["evalue"].endswith("first") and error["traceback"]
    assert cells[1]["outputs"][0]["data"]["text/plain"] == ["goes on"]


def test_nbconvert_interrupts_a_cell_that_takes_too_long(llmspell, jupyter):
    """nbclient's timeout sends interrupt_request, as the kernelspec says."""
    done = convert(llmspell, jupyter, notebook("while true do end", "'next'"), "--allow-errors",
                   "--ExecutePreprocessor.timeout=2",
                   "--ExecutePreprocessor.interrupt_on_timeout=True")
    assert done.returncode == 0, done
    cells = json.loads((llmspell.cwd / "out.ipynb").read_text())["cells"]
    assert cells[0]["outputs"][-1]["ename"] == "KeyboardInterrupt"
    assert cells[1]["outputs"][0]["data"]["text/plain"] == ["next"]


# ---- jupyter console ----

def test_console(kernel, jupyter):
    console = Console(jupyter, kernel.started["connection_file"])
    try:
        assert "Lua" in console.expect(r"In \[1\]:")
        console.type('Tool.calculator{input="2*x+1", variables={x=5}}.result')
        console.expect(r"Out\[1\]:\s*11\s[\s\S]*In \[2\]:")
        console.type('print("wh" .. "o?") name = io.read() print("hello " .. name)')
        console.expect(r"who\?")
        console.type("console")
        console.expect(r"hello console\s[\s\S]*In \[3\]:")
        console.type("error('se' .. 'en')")
        console.expect(r"seen[\s\S]*stack traceback[\s\S]*In \[4\]:")
    finally:
        console.child.close(force=True)
    assert console.child.isalive() is False
    assert kernel.run("--kernel", "test", "exec", "name").out == "console\n"
    assert kernel.run("kernel", "stop", "test").status == 0


def test_leaving_the_console_leaves_the_kernel(kernel, jupyter):
    console = Console(jupyter, kernel.started["connection_file"])
    console.expect(r"In \[1\]:")
    console.type("left = 'here'")
    console.expect(r"In \[2\]:")
    console.leave()
    assert console.child.exitstatus == 0
    assert kernel.run("--kernel", "test", "exec", "left").out == "here\n"
    assert kernel.json("kernel", "list")[0]["pid"] == kernel.started["pid"]
    assert kernel.run("kernel", "stop", "test").status == 0


# ---- the tour ----

def test_tour(llmspell, tmp_path):
    """`make run`'s script: shows what it promises, and leaves nothing."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    env = dict(llmspell.env, TMPDIR=str(scratch))
    env.pop("LLMSPELL_HOME")
    done = subprocess.run([str(ROOT / "examples" / "tour.sh"), str(BINARY)], text=True, env=env,
                          cwd=llmspell.cwd, capture_output=True, timeout=PATIENCE)
    assert done.returncode == 0, done
    text = ESCAPES.sub("", done.stdout)
    for expected in ("2*x + 1 with x = 5 is 11", "wrote and read back 18 bytes: written by a tool",
                     "an error          ok=false code=parse_error path=/input", "state        idle",
                     "kernel tour-"):
        assert expected in text, done
    assert hashlib.sha256(b"llmspell").hexdigest()[:16] in text
    assert re.search(r"^kernel tour-\d+ stopped$", text, re.M)
    for tool in ("base64_encoder", "calculator", "file_operations", "hash_calculator",
                 "system_monitor", "text_manipulator", "uuid_generator"):
        assert re.search(rf"^  {tool} +\w", text, re.M), tool
    pid = int(re.search(r"\(pid (\d+)\)", text)[1])
    assert not os.path.exists(f"/proc/{pid}") or "Z" in Path(f"/proc/{pid}/stat").read_text()
    assert list(scratch.iterdir()) == [] and list(llmspell.cwd.iterdir()) == []


def test_tour_with_a_binary_that_is_not_there(llmspell):
    done = subprocess.run([str(ROOT / "examples" / "tour.sh"), "nosuch/llmspell"], text=True,
                          env=llmspell.env, cwd=llmspell.cwd, capture_output=True, timeout=PATIENCE)
    assert done.returncode != 0


@pytest.mark.parametrize("where", ["embedded", "daemon"])
def test_the_tours_script_alone(kernel, where):
    options = ["--kernel", "test"] if where == "daemon" else []
    done = kernel.run(*options, "run", ROOT / "examples" / "tour.lua", "somebody")
    assert done.status == 0 and 'sha256("somebody")' in done.out, done
    assert list(kernel.cwd.iterdir()) == []
