# SPDX-License-Identifier: Apache-2.0
"""The libraries that front ends are made of, as Debian packages them: jupyter_client, blocking and
asynchronous, its managers of kernels, and nbclient."""
import asyncio
import json

import nbformat
import pytest
from jupyter_client.asynchronous import AsyncKernelClient
from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.manager import AsyncKernelManager, KernelManager
from nbclient import NotebookClient

from frontend import NAME, PATIENCE, in_this_process, process_end, spec_file


@pytest.fixture
def here(jupyter):
    with in_this_process(jupyter):
        yield jupyter


def set_interrupt_mode(jupyter, mode):
    file = spec_file(jupyter)
    file.write_text(json.dumps({**json.loads(file.read_text()), "interrupt_mode": mode}))


# ---- blocking ----

@pytest.fixture
def client(here, kernel):
    one = BlockingKernelClient(connection_file=kernel.started["connection_file"])
    one.load_connection_file()
    one.start_channels()
    one.wait_for_ready(timeout=PATIENCE)
    yield one
    one.stop_channels()
    assert kernel.run("kernel", "stop", "test").status == 0


def test_blocking_client(client):
    """Each method that asks something and can wait for its answer."""
    ask = {"reply": True, "timeout": PATIENCE}
    assert client.kernel_info(**ask)["content"]["language_info"]["name"] == "lua"
    assert client.execute("x = 'é'; return x", **ask)["content"]["execution_count"] == 1
    assert client.complete("('é'):rev", **ask)["content"]["matches"] == ["reverse"]
    assert client.inspect("string.format", **ask)["content"]["found"] is True
    client.is_complete("if x then")
    assert client.get_shell_msg(timeout=PATIENCE)["content"]["status"] == "incomplete"
    history = client.history(hist_access_type="tail", n=1, **ask)["content"]["history"]
    assert [row[1:] for row in history] == [[1, "x = 'é'; return x"]]
    assert client.comm_info(**ask)["content"]["comms"] == {}
    assert client.is_alive() and client.hb_channel.is_beating()


def test_execute_interactive(client, capsys):
    """Output, questions and errors as scripts get them from jupyter_client."""
    asked = []

    def answer(message):
        asked.append(message["content"])
        client.input("Ada")

    reply = client.execute_interactive(
        "io.write('name: ') name = io.read() print('hello ' .. name) io.stderr:write('aside\\n')",
        stdin_hook=answer, timeout=PATIENCE)
    assert reply["content"]["status"] == "ok" and len(asked) == 1
    out, err = capsys.readouterr()
    assert "hello Ada\n" in out and "aside\n" in err
    reply = client.execute_interactive("error({code = 'E1', message = 'broken'})", timeout=PATIENCE)
    assert (reply["content"]["ename"], reply["content"]["evalue"]) == ("E1", "broken")


# ---- managers of kernels ----

SPIN = "print('running') while true do end"


def begin(client):
    """Starts an endless loop."""
    client.execute(SPIN)
    while client.get_iopub_msg(timeout=PATIENCE)["msg_type"] != "stream":
        pass


@pytest.mark.parametrize("mode", ["message", "signal"])
def test_manager(here, mode):
    """Interrupt, both ways of restarting, and shutdown, as servers do them."""
    set_interrupt_mode(here, mode)
    manager = KernelManager(kernel_name=NAME)
    manager.start_kernel()
    try:
        client = manager.client()
        client.start_channels()
        client.wait_for_ready(timeout=PATIENCE)
        for _ in range(3):
            begin(client)
            manager.interrupt_kernel()
            assert client.get_shell_msg(timeout=PATIENCE)["content"]["ename"] == "KeyboardInterrupt"
        manager.interrupt_kernel()  # ends nothing when nothing runs
        client.execute_interactive("kept = 1", timeout=PATIENCE)
        for now in (False, True):
            ended = process_end(manager.provisioner.pid)
            manager.restart_kernel(now=now)
            assert ended(), "the kernel of before the restart goes on"
            client.wait_for_ready(timeout=PATIENCE)
            reply = client.execute_interactive("assert(kept == nil) kept = 1", timeout=PATIENCE)
            assert reply["content"]["status"] == "ok" and reply["content"]["execution_count"] == 1
        ended = process_end(manager.provisioner.pid)
        client.stop_channels()
    finally:
        manager.shutdown_kernel(now=False)
    assert ended() and not manager.has_kernel and here.kernels() == []


def test_ten_restarts(here):
    """Restarting at once, again and again, before the kernel was even ready."""
    manager = KernelManager(kernel_name=NAME)
    manager.start_kernel()
    try:
        for _ in range(10):
            manager.restart_kernel(now=False)
        client = manager.client()
        client.start_channels()
        client.wait_for_ready(timeout=PATIENCE)
        assert client.execute_interactive("return 1", timeout=PATIENCE)["content"]["status"] == "ok"
        client.stop_channels()
    finally:
        manager.shutdown_kernel(now=False)
    assert here.kernels() == []


async def converse(client, code):
    """Reply and output of some code. (execute_interactive blocks its loop while it waits.)"""
    msg_id = client.execute(code)
    text = ""
    while True:
        message = await client.get_iopub_msg(timeout=PATIENCE)
        if message["parent_header"].get("msg_id") != msg_id:
            continue
        text += message["content"].get("text", "")
        if message["content"].get("execution_state") == "idle":
            break
    reply = await client.get_shell_msg(timeout=PATIENCE)
    assert reply["parent_header"]["msg_id"] == msg_id
    return reply["content"], text


async def life():
    """Two clients of one kernel, asynchronously; returns what they saw."""
    manager = AsyncKernelManager(kernel_name=NAME)
    await manager.start_kernel()
    seen = {}
    try:
        one = manager.client()  # a second one of the same manager would have the same identity
        two = AsyncKernelClient(connection_file=manager.connection_file)
        two.load_connection_file()
        for client in (one, two):
            client.start_channels()
            await client.wait_for_ready(timeout=PATIENCE)
        reply, seen["text"] = await converse(one, "for i = 1, 100 do print(i) end return 'end'")
        seen["status"] = reply["status"]
        running = asyncio.create_task(converse(one, SPIN))
        while (await two.get_iopub_msg(timeout=PATIENCE))["content"].get("text") != "running\n":
            pass
        seen["beats"] = await two.is_alive()
        await manager.interrupt_kernel()
        seen["ended"] = (await running)[0]["ename"]
        seen["answered"] = (await converse(two, "return 1"))[0]["execution_count"]
        await manager.restart_kernel()
        await one.wait_for_ready(timeout=PATIENCE)
        seen["count"] = (await converse(one, "return 1"))[0]["execution_count"]
        one.stop_channels()
        two.stop_channels()
    finally:
        await manager.shutdown_kernel()
    return seen


def test_async_client_and_manager(here):
    seen = asyncio.run(asyncio.wait_for(life(), PATIENCE))
    assert seen.pop("text") == "".join(f"{i}\n" for i in range(1, 101))
    assert seen == {"status": "ok", "beats": True, "ended": "KeyboardInterrupt",
                    "answered": 3, "count": 1}
    assert here.kernels() == []


# ---- nbclient ----

def book(*sources):
    new = nbformat.v4
    return new.new_notebook(cells=[new.new_code_cell(source) for source in sources])


def execute(here, cells, **options):
    client = NotebookClient(cells, kernel_name=NAME, timeout=PATIENCE,
                            resources={"metadata": {"path": str(here.llmspell.cwd)}}, **options)
    client.execute()
    return [cell.outputs for cell in cells.cells]


def test_nbclient(here):
    outputs = execute(here, book("print('a') io.stderr:write('b\\n') print('c')", "6 * 7", "",
                                 "for i = 1, 2000 do print(i) end"))
    assert [(o.name, o.text) for o in outputs[0]] == [
        ("stdout", "a\n"), ("stderr", "b\n"), ("stdout", "c\n")]
    assert outputs[1][0].data == {"text/plain": "42"} and outputs[2] == []
    assert "".join(o.text for o in outputs[3]) == "".join(f"{i}\n" for i in range(1, 2001))


def test_nbclient_displays(here):
    """An update reaches the display of another cell, clear_output empties its own."""
    outputs = execute(here, book(
        "display({['text/plain'] = 'first'}, {display_id = 'one'})",
        "update_display({['text/plain'] = 'second'}, {display_id = 'one'})",
        "print('gone') clear_output() print('stays')",
        "display(Display.html('<i>x</i>')) Display.markdown('*y*')"))
    assert [o.data["text/plain"] for o in outputs[0]] == ["second"] and outputs[1] == []
    assert "".join(o.text for o in outputs[2]) == "stays\n"
    assert [o.output_type for o in outputs[3]] == ["display_data", "execute_result"]
    assert outputs[3][0].data["text/html"] == "<i>x</i>"
    assert outputs[3][1].data["text/markdown"] == "*y*"


def test_nbclient_goes_on_after_errors(here):
    outputs = execute(here, book("x = = 1", "error('broken')", "os.exit(3)", "'still here'"),
                      allow_errors=True)
    assert outputs[0][0].ename == "SyntaxError" and outputs[1][0].ename == "RuntimeError"
    assert outputs[3][0].data["text/plain"] == "still here"
