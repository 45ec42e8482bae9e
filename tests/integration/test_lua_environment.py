# SPDX-License-Identifier: Apache-2.0
"""What surrounds a script: modules that `require` must find, programs and C libraries that print,
bytes that are no text, questions and passwords, os.exit, SIGINT to a kernel that Jupyter started."""
import json
import os
import random
import signal
import subprocess
from pathlib import Path

import pexpect
import pytest
from jupyter_client.manager import KernelManager

from conftest import BINARY, SLOW
from jupyter_session import (  # noqa: F401 (fixtures)
    PATIENCE, RUN_ON, Session, llmspell, open_session, session, wait_until)


@pytest.fixture(params=["daemon", "foreground"])
def any_session(request, llmspell, open_session):
    """A session with a daemon, and with a kernel that a front end keeps in the foreground."""
    if request.param == "daemon":
        yield open_session(llmspell.start()["connection_file"])
        return
    process = llmspell.popen("kernel", "start", "--id", "test", stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout.readline().startswith("kernel test runs")
    yield open_session(llmspell.home / "kernels" / "test.json")
    process.terminate()
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 0


# ---- require ----

PATHS = "return package.path .. '\\n' .. package.cpath"


def lua_paths(llmspell, env):
    done = subprocess.run(["lua5.4", "-e", "print(package.path) print(package.cpath)"], text=True,
                          capture_output=True, env={**llmspell.env, **env}, check=True)
    return done.stdout.splitlines()


@pytest.mark.parametrize("env", [
    {}, {"LUA_PATH": "/a/?.lua"}, {"LUA_PATH": "/a/?.lua;;", "LUA_CPATH": ";;/b/?.so"},
    {"LUA_PATH_5_4": "/c/?.lua;;", "LUA_PATH": "/a/?.lua", "LUA_CPATH_5_4": "/d/?.so"}])
def test_the_paths_are_those_of_lua(llmspell, env):
    """And behind them, the tree that `luarocks install --local` fills."""
    path, cpath = llmspell.run("exec", PATHS, env=env).out.splitlines()
    lua_path, lua_cpath = lua_paths(llmspell, env)
    rocks = f"{llmspell.env['HOME']}/.luarocks"
    assert path == f"{lua_path};{rocks}/share/lua/5.4/?.lua;{rocks}/share/lua/5.4/?/init.lua"
    assert cpath == f"{lua_cpath};{rocks}/lib/lua/5.4/?.so"
    told = f"{rocks}/share/lua/5.4/?.lua;;"  # as `luarocks path` does: not twice
    assert llmspell.run("exec", "package.path", env={"LUA_PATH": told}).out.count(".luarocks") == 1


def module(folder, name, value):
    path = folder / f"{name}.lua"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"return {{value = '{value}'}}")


@pytest.mark.parametrize("where", ["embedded", "daemon"])
def test_require(llmspell, where, tmp_path):
    """Configured folders go first, then the environment, the folder of the kernel, LuaRocks."""
    rocks = Path(llmspell.env["HOME"]) / ".luarocks/share/lua/5.4"
    for folder, value in [(rocks, "rocks"), (llmspell.cwd, "here"), (tmp_path / "env", "env"),
                          (tmp_path / "set", "set")]:
        module(folder, f"only_{value}", value)
        module(folder, f"at_{value}/init", value)
    for first, later in [("set", "env"), ("env", "here"), ("here", "rocks")]:
        for value in (first, later):
            folder = {"rocks": rocks, "here": llmspell.cwd}.get(value, tmp_path / value)
            module(folder, f"both_{first}", value)
    options = ["--set", f"runtime.lua.path={tmp_path / 'set'}"]
    env = {"LUA_PATH": f"{tmp_path}/env/?.lua;{tmp_path}/env/?/init.lua;;"}
    llmspell.env.update(env)
    if where == "daemon":
        llmspell.start(*options)
        options = ["--kernel", "test"]
    for name in ["only_rocks", "only_here", "only_env", "only_set", "at_rocks", "at_env",
                 "at_here", "at_set", "both_set", "both_env", "both_here"]:
        done = llmspell.run(*options, "exec", f"require('{name}').value")
        assert done.out == name.partition("_")[2] + "\n", done


def test_c_modules_of_debian(session):
    assert session.run("""local lpeg = require 'lpeg'
        local number = lpeg.C(lpeg.R('09')^1) / tonumber
        lpeg.match(lpeg.Ct(number * (',' * number)^0), '1,22,333')""").value == "{1, 22, 333}"
    assert session.run("require 'socket'.dns.toip('127.0.0.1')").value.startswith("127.0.0.1")


# ---- what children and C libraries print ----

def test_children_print_into_the_cell(any_session):
    done = any_session.run("print('a') os.execute('echo b; echo to stderr >&2') print('c')")
    assert done.text() == "a\nb\nc\n" and done.text("stderr") == "to stderr\n"
    done = any_session.run("io.popen('echo one >&2'):close() io.stderr:write('two\\n')")
    assert done.text("stderr") == "one\ntwo\n" and done.text() == ""
    done = any_session.run("local f = io.popen('cat', 'w') f:write('through cat') f:close()")
    assert done.text() == "through cat"
    done = any_session.run("return io.popen('printf read; printf seen >&2'):read('a')")
    assert done.value == "read" and done.text("stderr") == "seen" and done.text() == ""
    assert any_session.run("return io.popen('exit 3'):close()").value == "nil\texit\t3"
    assert any_session.run("1").types == ["status", "execute_input", "execute_result", "status"]


def test_a_c_library_prints_into_the_cell(any_session, tmp_path):
    source, library = tmp_path / "says.c", tmp_path / "says.so"
    source.write_text("""#include <stdio.h>
        int luaopen_says(void *L) { (void)L; puts("a line"); printf("no line end");
                                    fputs("to stderr", stderr); return 0; }""")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True)
    done = any_session.run(f"package.loadlib({json.dumps(str(library))}, 'luaopen_says')()")
    assert done.text() == "a line\nno line end" and done.text("stderr") == "to stderr"


def test_a_flood_of_a_child(any_session):
    """Complete, and a character that lies across two reads is whole."""
    done = any_session.run("os.execute('yes äöü€ | head -c 20000000')")
    size = 20000000
    line = "äöü€\n".encode()
    expected = (line * (size // len(line) + 1))[:size].decode(errors="replace")
    assert done.text() == expected
    raw = any_session.run("os.execute('head -c 1000000 /dev/urandom; echo; echo end')")
    assert raw.reply["status"] == "ok" and raw.text().endswith("\nend\n")


def test_what_comes_later_is_logged(kernel, session):
    """A child that outlives its cell, while none runs; a flood of it keeps no cell from ending."""
    done = session.run("os.execute('(until [ -e go ]; do sleep 0.01; done; echo late) & echo soon')")
    assert done.text() == "soon\n"
    (kernel.cwd / "go").write_text("")
    wait_until(lambda: "stdout: late" in kernel.log(), "late in the log")
    flooding = session.run("os.execute('yes & echo $! > pid')")
    assert flooding.reply["status"] == "ok"
    os.kill(int((kernel.cwd / "pid").read_text()), signal.SIGTERM)
    assert session.run("1 + 1").value == "2"


def test_children_of_an_embedded_run_have_its_terminal(llmspell):
    done = llmspell.run("exec", "os.execute('echo out; echo err >&2')")
    assert done.out.startswith("out\n") and done.err == "err\n"
    done = llmspell.run("exec", "io.popen('sort', 'w'):write('b\\na\\n') return nil")
    assert done.out.endswith("a\nb\n"), "the end waits for a child that still prints"


def test_streams(session, tmp_path):
    """stderr is a stream of its own; buffers and redirections are the script's."""
    done = session.run("io.stderr:write('err') io.stdout:setvbuf('full') io.write('held ') "
                       "io.stderr:write('or') print('back')")
    assert done.text("stderr") == "error" and done.text() in ("held back\n", "back\nheld ")
    session.run("io.stdout:setvbuf('no')")
    path = tmp_path / "written"
    done = session.run(f"io.output({json.dumps(str(path))}) io.write('to the file') print('seen') "
                       "io.close() io.output(io.stdout) io.write('and back')")
    assert done.text() == "seen\nand back" and path.read_text() == "to the file"


# ---- bytes that are no text ----

def test_all_bytes(session):
    done = session.run("for i = 0, 255 do io.write(string.char(i)) end print() print('after')")
    assert done.reply["status"] == "ok"
    assert done.text().startswith("".join(map(chr, range(128)))) and done.text().endswith("\nafter\n")
    assert done.text().count("\ufffd") == 128
    done = session.run("local all = {} for i = 0, 255 do all[#all + 1] = string.char(i) end "
                       "error(table.concat(all))")
    assert done.reply["status"] == "error" and "abc" in done.reply["evalue"]
    done = session.run("local t = {['\\xff\\0'] = '\\xfe'} return '\\xff\\0', t")
    assert done.reply["status"] == "ok" and "\ufffd" in done.value


def test_a_character_in_pieces(session):
    done = session.run("for _, b in ipairs{0xe2, 0x82, 0xac, 0xf0, 0x9f, 0x98, 0x80} do "
                       "io.write(string.char(b)) end io.write('\\xe2') io.stderr:write('\\xc3') "
                       "io.write('\\x82\\xac') io.stderr:write('\\xa9') print()")
    assert done.text() == "€😀€\n" and done.text("stderr") == "é"


def test_ten_megabytes_of_random_bytes(session, tmp_path):
    data = random.Random(7).randbytes(10_000_000)
    path = tmp_path / "random"
    path.write_bytes(data)
    done = session.run(f"io.write(io.open({json.dumps(str(path))}, 'rb'):read('a')) print('end')")
    assert done.reply["status"] == "ok" and done.text().endswith("end\n")
    kept = sum(byte < 128 for byte in data)
    assert sum(character < "\x80" for character in done.text()) == kept + len("end\n")
    assert session.run("1").value == "1"


# ---- questions ----

def test_passwords_and_prompts(session):
    cell = session.execute("local p = Kernel.input{prompt = 'password: ', password = true} "
                           "local n = Kernel.input('name? ') return p .. '|' .. n")
    question = session.question()["content"]
    assert question == {"prompt": "password: ", "password": True}
    session.input("s3cret")
    assert session.question()["content"] == {"prompt": "name? ", "password": False}
    session.input("Ada")
    assert session.finish(cell).value == "s3cret|Ada"
    refused = session.run("Kernel.input('x')", allow_stdin=False).reply
    assert "no standard input" in refused["evalue"]
    cell = session.execute("while true do pcall(Kernel.input, 'again? ') end")
    session.question()
    session.ask("interrupt_request", channel="control")
    assert session.finish(cell).reply["ename"] == "KeyboardInterrupt"


def test_a_password_from_a_pipe(llmspell):
    code = "return Kernel.input{prompt = 'password: ', password = true}, Kernel.input(), Kernel.input()"
    assert llmspell.run("exec", code, input="s3cret\nnext\n").out == "password: s3cret\tnext\tnil\n"


@pytest.mark.parametrize("where", ["embedded", "daemon"])
def test_a_password_on_a_terminal_is_not_echoed(llmspell, where):
    options = ["--kernel", llmspell.start()["kernel_id"]] if where == "daemon" else []
    child = pexpect.spawn(str(BINARY), [*options, "exec", "local p = Kernel.input{prompt = 'password: ', "
                                        "password = true} return p:upper(), Kernel.input('name: ')"],
                          env=llmspell.env, cwd=str(llmspell.cwd), timeout=PATIENCE, encoding="utf-8")
    child.expect_exact("password: ")
    assert child.waitnoecho(PATIENCE)
    child.sendline("s3cret")
    child.expect_exact("name: ")
    assert "s3cret" not in child.before
    child.sendline("Ada")
    child.expect(pexpect.EOF)
    assert "Ada\r\n" in child.before and "S3CRET\tAda" in child.before


# ---- os.exit ----

EXITS = {"plain": "os.exit(3)", "pcall": "pcall(os.exit, 3) print('on')",
         "coroutine": "coroutine.wrap(function() os.exit(3) end)() print('on')",
         "close": "local c <close> = setmetatable({}, {__close = function() os.exit(3) end})",
         "finalizer": "setmetatable({}, {__gc = function() os.exit(3) end}) collectgarbage() "
                      "for i = 1, 10 do print('on') end",
         "sort": "table.sort({3, 2, 1}, function() os.exit(3) end)",
         "gsub": "('abc'):gsub('.', function() os.exit(3) end)",
         "true": "os.exit(true)", "false": "os.exit(false)"}


@pytest.mark.parametrize("name", EXITS)
def test_os_exit(session, llmspell, name):
    """It ends the cell; a front end may close, and the kernel stays."""
    session.run("kept = 'still here'")
    done = session.run(f"print('bye'); {EXITS[name]}")
    assert done.reply["status"] == "ok" and done.text() == "bye\n", done.reply
    assert done.reply["payload"] == [{"source": "ask_exit", "keepkernel": True}]
    assert session.run("kept").value == "still here"
    wanted = {"true": 0, "false": 1}.get(name, 3)
    assert llmspell.run("exec", EXITS[name]).status == wanted


def test_os_exit_in_a_console_keeps_the_daemon(kernel):
    console = pexpect.spawn("jupyter", ["console", "--existing", kernel.started["connection_file"],
                                        "--ZMQTerminalInteractiveShell.simple_prompt=True"],
                            env=kernel.env, timeout=PATIENCE, encoding="utf-8", echo=False)
    console.expect("In ?\\[1\\]")
    console.sendline("os.exit()")
    console.expect(pexpect.EOF)
    assert kernel.run("--kernel", "test", "exec", "6 * 7").out == "42\n"


# ---- a kernel that Jupyter started ----

@pytest.mark.skipif(os.environ.get("LLMSPELL_SANITIZER") == "thread",
                    reason="TSan delivers signals only between its own calls, so no loop is ended")
@pytest.mark.parametrize("mode", ["message", "signal"])
def test_jupyter_interrupts_in_both_modes(llmspell, mode, monkeypatch):
    for name, value in llmspell.env.items():
        monkeypatch.setenv(name, value)
    assert llmspell.run("kernel", "install", "--user").status == 0
    spec = Path(llmspell.env["JUPYTER_DATA_DIR"]) / "kernels" / "llmspell-lua" / "kernel.json"
    spec.write_text(json.dumps({**json.loads(spec.read_text()), "interrupt_mode": mode}))
    manager = KernelManager(kernel_name="llmspell-lua")
    manager.start_kernel()
    try:
        session = Session(manager.connection_file)
        for code in ("while true do pcall(error) end", "os.execute('exec sleep 600')",
                     "string.find(('a'):rep(60), ('a*'):rep(30) .. 'b')"):
            cell = session.start_running(f"print('running') {code}")
            manager.interrupt_kernel()
            session.until_idle(cell)
            assert session.reply(cell)["content"]["ename"] == "KeyboardInterrupt"
            assert session.run("1 + 1").value == "2"
        assert session.run("os.execute('echo from a child')").text() == "from a child\n"
        session.close()
    finally:
        manager.shutdown_kernel()
