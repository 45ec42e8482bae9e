# SPDX-License-Identifier: Apache-2.0
"""A daemon with plugins of its own, for the reload tests: changes its files, reloads it, looks at
what it became."""
import json
import os
import shutil
import signal
import socket
from pathlib import Path

from conftest import BUILD, ROOT
from jupyter_session import PATIENCE, wait_until
from plugins import maker

ECHO = Path(__file__).resolve().parent / "echo"
OPTIONAL = {"started": {"type": "string"}, "until": {"type": "string"}, "read": {"type": "string"}}


class Daemon:
    def __init__(self, llmspell, folder, open_session):
        self.llmspell, self.open_session = llmspell, open_session
        self.plugins = folder / "plugins"
        self.plugins.mkdir(mode=0o755)
        self.ini = llmspell.cwd / "own.ini"  # no command reads it, only the kernel
        self.settings = {}
        self.set()
        llmspell.env["LLMSPELL_PLUGIN_PATH"] = str(self.plugins)
        llmspell.env["LLMSPELL_TOOLS_ISOLATION"] = "inline"  # their state is in the kernel, then

    # ---- its files ----

    def set(self, **sections):
        """set(log={"level": "debug"}); a section that is None goes. jupyter is alone unless said."""
        self.settings.update(sections)
        kernel = {"protocol": "jupyter", **(self.settings.get("kernel") or {})}
        self.ini.write_text("".join(
            f"[{name.replace('__', '.')}]\n" + "".join(f"{k} = {v}\n" for k, v in keys.items())
            for name, keys in {**self.settings, "kernel": kernel}.items() if keys is not None))

    def counter(self, word="one", name="counter"):
        config = {"type": "object", "additionalProperties": False,
                  "properties": {"word": {"type": "string", "default": "none"}}}
        text = maker.manifest(
            name, config=config, capabilities=["fs:read:${workdir}"],
            parameters={"type": "object", "additionalProperties": False, "properties": OPTIONAL})
        return maker.make(self.plugins / f"{name}.so", text, [maker.define("FROM", word)],
                          sources=("counter.c",))

    def echo(self, greeting="one: ", **changes):
        """changes: echo_open="…", a statement with which that function begins."""
        text = json.loads((ECHO / "echo.json").read_text())
        text["config"]["properties"]["greeting"]["default"] = greeting
        code = (ECHO / "echo.c").read_text()
        for function, statement in changes.items():
            at = code.index("{", code.index(f"static int32_t {function}(")) + 1
            code = code[:at] + f"\n    {statement}" + code[at:]
        source = self.plugins.parent / "echo.c"
        source.write_text(code)
        return maker.make(self.plugins / "echo.so", text, sources=(source,))

    def jupyter(self, tail=b""):
        """A copy of the build's own, in place by rename; bytes behind an ELF file mean nothing."""
        new = self.plugins / "new"
        shutil.copyfile(BUILD / "lib/llmspell/protocols/jupyter.so", new)
        with open(new, "ab") as file:
            file.write(tail)
        new.rename(self.plugins / "jupyter.so")

    # ---- the kernel ----

    def start(self, *args):
        self.set()
        started = self.llmspell.start("-c", self.ini, *args)
        self.pid = started["pid"]
        self.connection_file = started["connection_file"]
        self.session = self.open_session(self.connection_file)
        return self.session

    @property
    def connection(self):
        """Of the first protocol."""
        connection = self.whole_connection
        connection.pop("protocols", None)
        return connection

    @property
    def whole_connection(self):
        with open(self.connection_file) as file:
            return json.load(file)

    def run(self, *args, **kwargs):
        return self.llmspell.run("-k", "test", *args, **kwargs)

    def lua(self, code):
        done = self.run("exec", code)
        assert done.status == 0, done
        return done.out.rstrip("\n")

    def status(self):
        return self.llmspell.json("kernel", "status", "test")

    def ask(self):
        """A reload over the session's control channel: the whole reply."""
        asked = self.session.send("reload_request", channel="control")
        return self.session.reply(asked, "control")["content"]

    def reload(self, **sections):
        self.set(**sections)
        reply = self.ask()
        assert reply["status"] == "ok", reply
        return reply

    def signal_reload(self):
        """By SIGUSR1; returns the outcome as status tells it."""
        before = self.reloads()
        os.kill(self.pid, signal.SIGUSR1)
        wait_until(lambda: self.reloads() > before, "a reload")
        return self.status()["last_reload"]

    def reloads(self):
        """How many there were; 0 as well while no protocol answers."""
        return (self.status().get("last_reload") or {}).get("reload", 0)

    # ---- its tools ----

    def send_call(self, tool="counter", /, **params):
        return self.session.send("tool_request", {"command": "invoke", "name": tool,
                                                  "params": params})

    def finish_call(self, asked):
        return self.session.reply(asked)["content"]

    def call(self, tool="counter", /, **params):
        return self.finish_call(self.send_call(tool, **params))

    def begin_call(self, tool="counter", /, **params):
        """A call that is under way when this returns; .end() lets it go and returns its reply."""
        started, until = (self.llmspell.cwd / f"{tool}-{n}" for n in ("started", "until"))
        started.unlink(missing_ok=True)
        until.unlink(missing_ok=True)
        asked = self.send_call(tool, started=str(started), until=str(until), **params)
        wait_until(started.exists, "a call under way")
        return Call(self, asked, until)


class Call:
    def __init__(self, daemon, asked, until):
        self.daemon, self.asked, self.until = daemon, asked, until

    def end(self):
        self.until.touch()
        return self.daemon.finish_call(self.asked)


class Line:
    """A client of the echo protocol."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.file = self.socket.makefile("rw", encoding="utf-8", newline="\n")

    def send(self, line):
        self.file.write(line + "\n")
        self.file.flush()

    def ask(self, line):
        self.send(line)
        return self.read()

    def read(self):
        return self.file.readline().rstrip("\n")

    def close(self):
        self.file.close()
        self.socket.close()
