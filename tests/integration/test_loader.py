# SPDX-License-Identifier: Apache-2.0
"""The rules of discovery and loading (docs/plugins.md), each with real plugin files that break it.
plugins/naive_host.c, a host without the rules, shows what each of them prevents."""
import json
import os
import re
import signal
import socket
import struct
import subprocess
import time
from pathlib import Path

import pytest

from conftest import SLOW
from plugins import maker
from plugins.bad import AT_DISCOVERY, nested_duplicates, of_length, text_of
from plugins.maker import define, make, manifest


class Plugins:
    """A plugin folder with a good tool, `good`, in it, and the binary that looks there first."""

    def __init__(self, llmspell, folder):
        self.llmspell, self.folder = llmspell, folder
        make(folder / "good.so")

    def file(self, name):
        return self.folder / f"{name}.so"

    def run(self, *args, **kwargs):
        return self.llmspell.run("--plugin-dir", self.folder, *args, **kwargs)

    def listed(self, name, *args):
        """The entries of `plugin list` for a name, first come first."""
        done = self.run("plugin", "list", "--output", "json", *args)
        assert done.status == 0, done
        return [entry for entry in done.json if entry["name"] == name]

    def invoke(self, name, *args):
        return self.run("tool", "invoke", name, "name=Bob", "--output", "json", *args)

    def greets(self, name, *args):
        done = self.invoke(name, *args)
        assert done.status == 0, done
        assert done.json["status"] == "ok" and done.json["result"]["greeting"] == "Bob", done
        return done.json["result"]

    def refused_call(self, name, pattern, *args):
        done = self.invoke(name, *args)
        assert done.status == 1, done
        assert done.json["status"] == "error" and done.json["tool"] == name, done
        assert done.json["error"]["code"] == "plugin_refused", done
        assert re.search(pattern, done.json["error"]["message"]), done
        text = self.run("tool", "invoke", name, *args)
        assert text.status == 1 and text.out == "" and "plugin_refused" in text.err, text
        assert re.search(pattern, text.err), text

    def refused_at_discovery(self, name, pattern):
        entry, = self.listed(name)
        assert entry["state"] == "refused" and entry["file"] == str(self.file(name)), entry
        assert re.search(pattern, entry["reason"]), entry
        text = self.run("plugin", "list")
        row, = [line for line in text.out.splitlines() if f" {name} " in line]
        assert "refused" in row and re.search(pattern, row), text
        self.refused_call(name, pattern)
        tools = self.run("tool", "list", "--output", "json")
        assert tools.status == 0 and name not in [t["name"] for t in tools.json], tools
        check = self.run("plugin", "check", self.file(name), "--output", "json")
        assert check.status == 1 and check.json["status"] == "error", check
        assert any(re.search(pattern, row.get("message", "")) for row in check.json["checks"]), check
        self.greets("good")

    def refused_at_load(self, name, pattern):
        """In one process (a daemon): it stays refused with the reason, and the host lives on."""
        entry, = self.listed(name)
        assert entry["state"] == "ready" and "reason" not in entry, entry
        self.refused_call(name, pattern)
        check = self.run("plugin", "check", self.file(name), "--output", "json")
        assert check.status == 1, check
        failed, = [row for row in check.json["checks"] if row["status"] == "error"]
        assert failed["check"].startswith("loads") and re.search(pattern, failed["message"]), check
        started = self.run("kernel", "start", "--daemon", "--id", "k", "--output", "json")
        assert started.status == 0, started
        for _ in range(2):
            self.refused_call(name, pattern, "--kernel", "k")
            self.greets("good", "--kernel", "k")
        assert self.run("kernel", "status", "k", "--output", "json").json["pid"] == started.json["pid"]


@pytest.fixture
def plugins(llmspell, tmp_path):
    return Plugins(llmspell, tmp_path / "plugins")


@pytest.fixture(scope="session")
def naive(tmp_path_factory):
    """Runs the host without rules on plugin files."""
    program = tmp_path_factory.mktemp("naive") / "naive_host"
    maker.compile("-std=gnu11", maker.HERE / "naive_host.c", f"-I{maker.SDK / 'include'}", "-o",
                  program, *maker.flags("jansson"), "-ldl", "-pthread")

    def run(*args):
        args = [arg if isinstance(arg, str) else maker.plain(arg) for arg in args]
        return subprocess.run([program, *args], text=True, capture_output=True, timeout=60)
    return run


# ---- files that are refused before any code of them runs ----

@pytest.mark.parametrize("name", AT_DISCOVERY)
def test_refused_at_discovery(plugins, name):
    make_it, pattern = AT_DISCOVERY[name]
    make_it(plugins.file(name))
    if name in ("object_file", "no_elf", "empty"):
        plugins.file(name).chmod(0o644)
    if name == "device":  # `plugin check` follows the link, and /dev/zero is no .so
        entry, = plugins.listed(name)
        assert entry["state"] == "refused" and re.search(pattern, entry["reason"])
        plugins.refused_call(name, pattern)
    elif name == "duplicate_title":  # found when the whole manifest is read
        entry, = plugins.listed(name)
        assert entry["state"] == "refused" and re.search(pattern, entry["reason"])
        plugins.refused_call(name, pattern)
        plugins.greets("good")
    else:
        plugins.refused_at_discovery(name, pattern)


def test_nested_duplicate_keys(plugins):
    nested_duplicates(plugins.file("nested"))
    entry, = plugins.listed("nested")
    assert entry["state"] == "refused" and "duplicate object key" in entry["reason"]
    plugins.refused_call("nested", "duplicate object key near '\"name\"'")
    info = plugins.run("plugin", "info", "nested")
    assert info.status == 1 and "duplicate object key" in info.err


def test_one_bad_manifest_does_not_hide_the_other_tools(plugins):
    text = text_of("bad").replace('"description": "', '"description": nonsense, "x-text": "')
    make(plugins.file("bad"), text)
    make(plugins.file("worse"), text_of("worse")[:-1] + ', "title": "Other"}')
    for args in (("tool", "list"), ("tool", "search", "greets")):
        done = plugins.run(*args, "--output", "json")
        assert done.status == 0, done
        names = [tool["name"] for tool in done.json]
        assert "good" in names and "bad" not in names and "worse" not in names


def test_dangling_link_and_socket(plugins):
    plugins.file("dangling").symlink_to(plugins.folder / "nothing.so")
    with socket.socket(socket.AF_UNIX) as server:
        cwd = os.open(".", os.O_RDONLY)
        os.chdir(plugins.folder)  # the path of a socket is short
        server.bind("socket.so")
        os.fchdir(cwd)
        os.close(cwd)
        for name in ("dangling", "socket"):
            entry, = plugins.listed(name)
            assert entry["state"] == "refused" and "cannot open" in entry["reason"]
            plugins.refused_call(name, "cannot open")
    check = plugins.run("plugin", "check", plugins.file("dangling"))
    assert check.status == 3 and "No such file" in check.err
    plugins.greets("good")


def test_a_name_of_any_bytes_is_listed(plugins):
    (Path(os.fsdecode(os.fsencode(plugins.folder) + b"/\xff\x01.so"))).write_text("no ELF")
    done = plugins.run("plugin", "list", "--output", "json")
    assert done.status == 0
    entry, = [e for e in done.json if "\ufffd" in e["name"]]
    assert entry["state"] == "refused" and "not an ELF file" in entry["reason"]


def test_other_files_are_no_plugins(plugins):
    for name in ("README", "good.so.bak", ".hidden.so", ".so", "so"):
        (plugins.folder / name).write_text("text")
    done = plugins.run("plugin", "list", "--output", "json")
    assert [e["name"] for e in done.json if e["file"].startswith(str(plugins.folder))] == ["good"]


def test_a_manifest_of_exactly_256_kib_is_good(plugins):
    make(plugins.file("large"), of_length("large", 262144))
    assert plugins.listed("large")[0]["state"] == "ready"
    plugins.greets("large")
    make(plugins.file("large"), of_length("large", 262145))
    assert plugins.listed("large")[0]["state"] == "refused"


# ---- no code of a plugin runs before it is called ----

def test_listing_runs_no_plugin_code(plugins, tmp_path):
    marker = tmp_path / "marker"
    plugins.llmspell.env["LLMSPELL_TOOLS_ISOLATION"] = "inline"  # a sandbox would keep the marker away
    make(plugins.file("marked"), defines=[define("MARKER", marker)])
    started = plugins.run("kernel", "start", "--daemon", "--id", "k")
    assert started.status == 0
    for args in (("plugin", "list"), ("plugin", "info", "marked"),
                 ("plugin", "info", plugins.file("marked")), ("tool", "list"),
                 ("tool", "info", "marked"), ("tool", "search", "marked"), ("exec", "return Tool.list()"),
                 ("config", "check"), ("tool", "list", "-k", "k"), ("tool", "info", "marked", "-k", "k")):
        for output in ("text", "json"):
            done = plugins.run("--output", output, *args)
            assert done.status == 0 and not marker.exists(), (args, done)
    plugins.greets("marked")
    assert marker.exists()


@pytest.mark.parametrize("name", ["wrong_major", "newer_minor", "duplicate_name", "cut_json",
                                  "note_of_300_kb", "no_note"])
def test_the_constructor_of_a_refused_plugin_does_not_run(plugins, naive, tmp_path, name):
    marker = tmp_path / "marker"
    file = plugins.file(name)
    AT_DISCOVERY[name][0](file)  # for its manifest
    embedded = tmp_path / f"work-plugins-{name}" / "manifest.json"
    text = embedded.read_bytes() if embedded.exists() else b""
    make(file, text, note=bool(text), defines=[define("MARKER", marker)])
    plugins.refused_at_discovery(name, AT_DISCOVERY[name][1])
    assert not marker.exists()
    naive(file)  # which dlopens first and asks later
    assert marker.exists()


def test_the_constructor_of_a_writable_file_does_not_run(plugins, tmp_path):
    marker = tmp_path / "marker"
    make(plugins.file("marked"), defines=[define("MARKER", marker)]).chmod(0o777)
    plugins.refused_at_discovery("marked", "may be written by group or others")
    assert not marker.exists()


# ---- found by loading ----

def test_missing_symbol(plugins, naive, tmp_path):
    marker = tmp_path / "marker"
    file = make(plugins.file("lacking"), defines=["CALLS=nobody_defines_this", define("MARKER", marker)])
    plugins.refused_at_load("lacking", r"undefined symbol: nobody_defines_this.*library missing")
    assert not marker.exists()
    done = naive(file)  # binds lazily: the call ends the whole process
    assert done.returncode == 127 and "symbol lookup error" in done.stderr and done.stdout == ""


def test_the_host_offers_no_symbols(plugins):
    """A plugin that calls into the host's own functions does not load anywhere."""
    for symbol in ("catalog_count", "error_set", "main"):
        make(plugins.file("prying"), defines=[f"CALLS={symbol}"])
        plugins.refused_call("prying", f"undefined symbol: {symbol}")


@pytest.mark.parametrize("kind", ["shared", "static"])
def test_second_jansson(plugins, naive, kind):
    file = plugins.file("second")
    if kind == "shared":
        make(file, sources=("greet.c", "own_jansson.c"))
    else:
        libraries = [flag for flag in maker.flags("jansson") if flag != "-ljansson"]
        try:
            make(file, libraries=[*libraries, "-l:libjansson.a", "-Wl,--exclude-libs,ALL"])
        except AssertionError:
            pytest.skip("no static libjansson that goes into a shared object")
    plugins.refused_at_load("second", r"second copy of Jansson.*link it with the shared libjansson")
    done = naive(file)  # finds no key in our object: answers wrongly, silently
    assert done.returncode == 0 and json.loads(done.stdout)["greeting"] is None
    done = naive(plugins.file("good"))
    assert done.returncode == 0 and json.loads(done.stdout)["greeting"] == "Ada"


@pytest.mark.parametrize("defines,pattern", [
    (["ENTRY_MAJOR=2"], r"says ABI 2\.0, but its manifest 1\.0 and this host 1\.\d+: build it again"),
    (["ENTRY_MINOR=999"], r"says ABI 1\.999, but its manifest 1\.0 and this host 1\.\d+"),
    (["ENTRY_SIZE=16"], r"llmspell_tool_v1 has 16 bytes, at least 40 are needed"),
    (["ENTRY=llmspell_tool_v2"], r"does not export llmspell_tool_v1: does its source end"),
    (["INVOKE=NULL"], r"a required function of llmspell_tool_v1 is NULL.*llmspell/tool\.h"),
    (["IDENTITY=NULL"], r"second copy of Jansson"),
], ids=lambda value: value[0] if isinstance(value, list) else "")
def test_bad_entry(plugins, defines, pattern):
    make(plugins.file("entry"), defines=defines)
    plugins.refused_at_load("entry", pattern)


def test_entry_of_another_kind(plugins):
    info = {"name": "hello", "version": "1", "mimetype": "text/plain", "file_extension": ".txt"}
    make(plugins.file("hello"), manifest("hello", kind="runtime", language_info=info))
    done = plugins.run("exec", "1", "--set", "kernel.runtime=hello")
    assert done.status == 1, done
    assert re.search(r"hello\.so does not export llmspell_runtime_v1", done.err), done


def test_null_invoke_would_crash(plugins, naive):
    done = naive(make(plugins.file("entry"), defines=["INVOKE=NULL"]))
    assert done.returncode == -signal.SIGSEGV


def test_larger_entry_of_a_later_sdk_loads(plugins):
    make(plugins.file("later"), defines=["ENTRY_SIZE=4096"])
    plugins.greets("later")


def test_plugins_do_not_see_each_other(plugins, naive):
    """Each has an exported helper_name(); with RTLD_GLOBAL the first one would answer for both."""
    for name in ("one", "two"):
        make(plugins.file(name), defines=["HELPER", define("FROM", name)])
    assert plugins.run("kernel", "start", "--daemon", "--id", "k").status == 0
    for name in ("one", "two", "one"):
        assert plugins.greets(name, "-k", "k")["from"] == name
    done = naive("--global", plugins.file("one"), plugins.file("two"))
    assert json.loads(done.stdout)["from"] == "one"


def test_plugins_are_never_unloaded(plugins, naive):
    """A thread of a plugin runs on behind its last call."""
    file = make(plugins.file("thread"), defines=["THREAD"])
    assert plugins.run("kernel", "start", "--daemon", "--id", "k").status == 0
    first = plugins.greets("thread", "-k", "k")["ticks"]
    deadline = time.monotonic() + 10 * SLOW
    while plugins.greets("thread", "-k", "k")["ticks"] <= first:
        assert time.monotonic() < deadline, "the thread does not run"
    stopped = plugins.run("kernel", "stop", "k")
    assert stopped.status == 0, stopped
    plugins.greets("thread")  # and a process of one call ends well
    assert naive("--close", file).returncode == -signal.SIGSEGV


# ---- the file is the one that was discovered ----

@pytest.fixture
def serving(plugins):
    """A daemon that discovered tool `late` and has not loaded it."""
    make(plugins.file("late"), defines=[define("FROM", "old")])
    started = plugins.run("kernel", "start", "--daemon", "--id", "k")
    assert started.status == 0, started
    return plugins


def test_replaced_before_it_is_loaded(serving, tmp_path):
    marker = tmp_path / "marker"
    make(serving.file("late"), defines=[define("FROM", "new"), define("MARKER", marker)])
    for _ in range(2):
        serving.refused_call("late", "was changed after it was discovered: reload the kernel", "-k", "k")
    assert not marker.exists()
    serving.greets("good", "-k", "k")
    assert serving.greets("late")["from"] == "new"  # a new process discovers the new file


def test_removed_before_it_is_loaded(serving):
    serving.file("late").unlink()
    serving.refused_call("late", "cannot be opened any more: No such file", "-k", "k")
    serving.greets("good", "-k", "k")


def test_replaced_after_it_was_loaded(serving):
    """The old code stays mapped and answers until the kernel starts again."""
    assert serving.greets("late", "-k", "k")["from"] == "old"
    make(serving.file("late"), defines=[define("FROM", "new")])
    assert serving.greets("late", "-k", "k")["from"] == "old"
    assert serving.run("kernel", "stop", "k").status == 0
    assert serving.run("kernel", "start", "--daemon", "--id", "k").status == 0
    assert serving.greets("late", "-k", "k")["from"] == "new"


def test_same_inode_size_and_time_with_another_manifest(serving):
    """What stat cannot tell, the mapped note does."""
    file = serving.file("late")
    before, data = file.stat(), file.read_bytes()
    assert data.count(b"Greets by name.") == 1
    file.write_bytes(data.replace(b"Greets by name.", b"Robs by night. "))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = file.stat()
    assert (after.st_ino, after.st_size, after.st_mtime_ns) == (before.st_ino, before.st_size,
                                                               before.st_mtime_ns)
    serving.refused_call("late", "what is loaded differs from the file that was discovered|was changed "
                         "after it was discovered", "-k", "k")
    serving.greets("good", "-k", "k")


def test_a_note_that_is_not_what_is_mapped(plugins):
    """The program header points to a harmless manifest that is not the mapped one."""
    file = make(plugins.file("mask"))
    data = file.read_bytes()
    header, at, size = maker.note_header(data)
    start, = struct.unpack_from("<Q", data, header + 8)
    segment = data[start:start + size].replace(b"Greets by name.", b"Looks harmless.")
    file.write_bytes(data + b"\0" * (-len(data) % 16) + segment)
    maker.patch(file, header + 8, "<Q", len(data) + -len(data) % 16)
    assert json.loads(plugins.run("plugin", "info", "mask", "-o", "json").out)["description"] == \
        "Looks harmless."
    plugins.refused_call("mask", "what is loaded differs|cannot be loaded")


# ---- who may write it ----

WRITABLE = "--set", "plugins.allow_writable=true"


@pytest.mark.parametrize("mode", [0o666, 0o664, 0o646, 0o777])
def test_writable_file(plugins, mode):
    make(plugins.file("open")).chmod(mode)
    plugins.refused_at_discovery(
        "open", rf"may be written by group or others \(mode 0{mode:o}\): run `chmod go-w .*open\.so`")
    assert plugins.listed("open", *WRITABLE)[0]["state"] == "ready"
    plugins.greets("open", *WRITABLE)
    check = plugins.run("plugin", "check", plugins.file("open"), *WRITABLE)
    assert check.status == 0, check
    env = {"LLMSPELL_PLUGINS_ALLOW_WRITABLE": "true"}
    assert plugins.run("tool", "invoke", "open", env=env).status == 0


@pytest.mark.parametrize("mode", [0o777, 0o775, 0o1777])
def test_writable_folder(plugins, mode):
    plugins.folder.chmod(mode)
    entry, = plugins.listed("good")
    assert entry["state"] == "refused"
    assert f"{plugins.folder} may be written by group or others (mode {mode:04o})" in entry["reason"]
    plugins.refused_call("good", "chmod go-w")
    plugins.greets("good", *WRITABLE)
    plugins.folder.chmod(0o755)
    plugins.greets("good")


# ---- whose name it is ----

def test_name_clash_between_folders(plugins, tmp_path):
    for name in ("first", "second"):
        make(tmp_path / name / "clash.so", defines=[define("FROM", name)])
    first, second = (tmp_path / name / "clash.so" for name in ("first", "second"))
    dirs = ("--plugin-dir", first.parent, "--plugin-dir", second.parent)
    entries = plugins.llmspell.json("plugin", "list", *dirs)
    mine = [entry for entry in entries if entry["name"] == "clash"]
    assert [(e["state"], e["file"]) for e in mine] == [("ready", str(first)),
                                                       ("shadowed", str(second))]
    assert mine[1]["reason"] == f"tool clash is already provided by {first}, which comes first"
    done = plugins.llmspell.json("tool", "invoke", "clash", *dirs)
    assert done["result"]["from"] == "first"
    done = plugins.llmspell.json("tool", "invoke", "clash", *dirs[2:], *dirs[:2])
    assert done["result"]["from"] == "second"
    names = [tool["name"] for tool in plugins.llmspell.json("tool", "list", *dirs)]
    assert names.count("clash") == 1


def test_name_clash_within_a_folder(plugins):
    for name in ("b", "a"):
        make(plugins.file(name), manifest("same"), defines=[define("FROM", name)])
    entries = plugins.listed("same")
    assert [(Path(e["file"]).name, e["state"]) for e in entries] == [("a.so", "ready"),
                                                                    ("b.so", "shadowed")]
    assert plugins.greets("same")["from"] == "a"


def test_a_refused_file_does_not_hide_a_good_one(plugins, tmp_path):
    make(plugins.file("clash")).chmod(0o666)
    other = make(tmp_path / "other" / "clash.so", defines=[define("FROM", "other")])
    states = {e["file"]: e["state"] for e in plugins.listed("clash", "--plugin-dir", other.parent)}
    assert states == {str(plugins.file("clash")): "refused", str(other): "ready"}
    assert plugins.greets("clash", "--plugin-dir", other.parent)["from"] == "other"


def test_a_tool_of_ones_own_replaces_a_built_in_one(plugins):
    make(plugins.file("calculator"), defines=[define("FROM", "mine")])
    assert plugins.greets("calculator")["from"] == "mine"
    assert [e["state"] for e in plugins.listed("calculator")] == ["ready", "shadowed"]


def test_order_of_the_plugin_path(llmspell, tmp_path):
    names = ["argument", "setting", "environment", "home"]
    folders = {name: tmp_path / name for name in names}
    folders["home"] = llmspell.home / "plugins"
    for name in names:
        make(folders[name] / "where.so", defines=[define("FROM", name)])
    given = {"argument": ["--plugin-dir", folders["argument"]],
             "setting": ["--set", f"plugins.path={folders['setting']}"]}
    env = {"LLMSPELL_PLUGIN_PATH": str(folders["environment"])}
    for i, name in enumerate(names):
        args = sum((given[other] for other in names[i:] if other in given), [])
        used = env if i < 3 else None
        done = llmspell.run("tool", "invoke", "where", *args, "-o", "json", env=used)
        assert done.status == 0 and done.json["result"]["from"] == name, done


@pytest.mark.parametrize("sub", ["tools", "protocols", "runtimes"])
def test_subfolders_of_a_plugin_folder(llmspell, tmp_path, sub):
    folder = tmp_path / "tree"
    folder.mkdir(mode=0o755)
    make(folder / sub / "where.so", defines=[define("FROM", sub)])
    done = llmspell.json("tool", "invoke", "where", "--plugin-dir", folder)
    assert done["result"]["from"] == sub


# ---- what the manifest says ----

def test_unknown_keys_warn_and_own_keys_are_free(plugins):
    make(plugins.file("keys"), manifest("keys", descripton="typo", **{"x-mine": {"a": 1}}))
    plugins.greets("keys")
    check = plugins.run("plugin", "check", plugins.file("keys"), "--output", "json")
    assert check.status == 0 and check.json["status"] == "ok", check
    warning, = [row for row in check.json["checks"] if row["check"] == "manifest"]
    assert 'did you mean "description"?' in warning["message"] and warning["line"] == 1, check
    assert warning["status"] == "warning" and '"descripton"' in warning["message"], check
    assert "x-mine" not in warning["message"]
    text = plugins.run("plugin", "check", plugins.file("keys"))
    assert text.status == 0 and re.search(r"^warning .*descripton", text.out, re.M), text


@pytest.mark.parametrize("changes,pattern", [
    ({"parameters": {"type": "nonsense"}}, "schema of the parameters"),
    ({"result": {"type": "integer"}, "examples": [{"title": "", "params": {}, "result": "text"}]},
     "examples: .*/examples/0/result"),
    ({"version": None}, "manifest: .*version"),
    ({"keywords": ["a", 1]}, "/keywords/1"),
    ({"title": 5}, "/title: must be"),
    ({"manifest": 2}, "/manifest: must be 1"),
])
def test_plugin_check_finds(plugins, changes, pattern):
    make(plugins.file("checked"), manifest("checked", **changes))
    done = plugins.run("plugin", "check", plugins.file("checked"))
    assert done.status == 1, done
    assert re.search(rf"^error .*{pattern}", done.out, re.M), done


def test_plugin_check_of_a_good_file(plugins):
    make(plugins.file("hardened"), link=maker.HARDENED)
    done = plugins.run("plugin", "check", "--strict", plugins.file("hardened"))
    assert done.status == 0, done
    *rows, last = done.out.splitlines()
    assert len(rows) >= 6 and last == "0 errors, 0 warnings"
    assert all(line.startswith("ok ") for line in rows), done


def test_bad_schema_is_an_error_of_the_call(plugins):
    make(plugins.file("schema"), manifest("schema", parameters={"type": "object", "properties": 5}))
    plugins.refused_call("schema", 'the schema "parameters" in its manifest')
    plugins.greets("good")
