# SPDX-License-Identifier: Apache-2.0
"""The command line (DESIGN 5.1): help, options, exit status, output. Commands that talk to a kernel
run embedded and against a daemon."""
import json
import os
import pty
import re
import subprocess
from pathlib import Path

import pytest

from conftest import BINARY, ROOT

GROUPS = ["tool", "plugin", "kernel", "config"]


def commands():
    """What `llmspell help` lists, as rows (name, arguments, summary)."""
    out = subprocess.run([BINARY, "help"], text=True, capture_output=True, check=True).stdout
    section = out.split("Commands\n")[1].split("\n\n")[0]
    rows = [re.match(r"  (.{38}) (\S.*)$", line) for line in section.splitlines()]
    assert all(rows), section
    for row in rows:
        words = row[1].split()
        name = " ".join(words[:2] if words[0] in GROUPS else words[:1])
        yield name, row[1][len(name):].strip(), row[2]


COMMANDS = list(commands())


@pytest.fixture(params=["embedded", "kernel"])
def where(request, llmspell):
    """Runs a command in this process, or in a running kernel."""
    if request.param == "kernel":
        llmspell.start()
    extra = ["--kernel", "test"] if request.param == "kernel" else []

    def run(*args, **kwargs):
        return llmspell.run(*extra, *args, **kwargs)
    run.extra = extra
    return run


def fails(done, status, pattern):
    """An error: the status, one line on stderr that matches, nothing on stdout."""
    assert done.status == status, done
    assert done.out == "", done
    assert re.fullmatch(r"llmspell: .*\n", done.err) and re.search(pattern, done.err), done


# ---- help ----

def test_help_knows_every_command():
    names = [name for name, _, _ in COMMANDS]
    for name in ("run", "exec", "tool list", "tool info", "tool invoke", "tool search", "tool test",
                 "plugin list", "plugin info", "plugin check", "plugin new", "plugin test",
                 "plugin bench", "kernel start", "kernel stop",
                 "kernel status", "kernel list", "kernel install", "config show", "config check",
                 "config path", "version", "help"):
        assert name in names
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("name,arguments,summary", COMMANDS, ids=[row[0] for row in COMMANDS])
def test_help_of_a_command(llmspell, name, arguments, summary):
    page = llmspell.run("help", *name.split())
    assert page.status == 0 and page.err == "", page
    first, _, usage = page.out.splitlines()[:3]
    assert first == f"llmspell {name}: {summary}"
    assert re.fullmatch(rf"Usage: llmspell {name} (\[OPTIONS\] )?{re.escape(arguments)}", usage)
    assert "Options of every command" in page.out and "--output text|json" in page.out
    for flag in ("--help", "-h"):
        behind = llmspell.run(*name.split(), flag)
        assert (behind.status, behind.out, behind.err) == (0, page.out, "")
    before = llmspell.run("--help", *name.split())
    assert (before.status, before.out) == (0, page.out)


def test_help_in_general(llmspell):
    page = llmspell.run("help")
    assert page.status == 0
    assert llmspell.run().out == page.out and llmspell.run("--help").out == page.out
    for status in (0, 1, 2, 3, 4, 5, 130):
        assert re.search(rf"\b{status} [a-z]", page.out), status
    for group in GROUPS:
        names = re.findall(rf"^llmspell ({group} \S+)", llmspell.run("help", group).out, re.M)
        assert names == [name for name, _, _ in COMMANDS if name.startswith(group + " ")]


def test_version(llmspell):
    version = llmspell.run("version").out
    assert re.fullmatch(r"llmspell \d+\.\d+\.\d+\n", version)
    for args in (["--version"], ["-V"], ["version", "-q"]):
        assert llmspell.run(*args).out == version
    verbose = llmspell.run("version", "--verbose")
    facts = llmspell.json("version", "--verbose")
    assert verbose.out.startswith(version)
    assert f"llmspell {facts['version']}\n" == version
    assert re.fullmatch(r"1\.\d+", facts["abi"]) and facts["build"] != "unknown"
    assert facts["commit"] == "unknown" or re.fullmatch(r"[0-9a-f]{12}", facts["commit"])
    for key in ("abi", "commit", "build", "compiler", "machine", "jansson", "libuv", "pcre2"):
        assert re.search(rf"^  {key} +{re.escape(facts[key])}$", verbose.out, re.M), verbose


# ---- wrong usage ----

@pytest.mark.parametrize("args,pattern", [
    (["tol", "list"], r'no command is called "tol list" \(did you mean "tool list"\?\)'),
    (["tool", "lst"], r'no command is called "tool lst" \(did you mean "tool list"\?\)'),
    (["exce", "1"], r'no command is called "exce" \(did you mean "exec"\?\)'),
    (["kernle"], r'did you mean "kernel"'),
    (["nonsense"], r'no command is called "nonsense"; see `llmspell help`'),
    (["tool"], r'"tool" wants a second word'),
    (["help", "tool", "lst"], r'did you mean "tool list"'),
    (["help", "nonsense"], r'no command is called "nonsense"'),
    (["tool", "list", "--outputt", "json"], r"no option is called --outputt \(did you mean --output\?\)"),
    (["tool", "list", "--categry", "x"], r"did you mean --category"),
    (["tool", "list", "--nonsense"], r"no option is called --nonsense; see `llmspell help tool list`"),
    (["tool", "list", "-z"], r"no option is called -z"),
    (["tool", "list", "--output"], r"--output wants a value: text\|json"),
    (["tool", "list", "--quiet=1"], r"--quiet takes no value"),
    (["tool", "list", "--output", "xml"], r'--output wants text or json, not "xml"'),
    (["tool", "list", "--log-level", "loud"], r'--log-level wants off, .*, not "loud"'),
    (["--nonsense"], r"no option is called --nonsense"),
    (["--kernel"], r"--kernel wants a value: ID\|FILE"),
    (["exec"], r"exec wants CODE; see `llmspell help exec`"),
    (["exec", "1", "2"], r'exec does not take "2"'),
    (["exec", "1", "--timeout", "soon"], r"--timeout wants a whole number from 0 to 86400"),
    (["exec", b"\xff"], r"not UTF-8"),
    (["run"], r"run wants FILE"),
    (["version", "x"], r'version does not take "x"'),
    (["tool", "info"], r"tool info wants NAME"),
    (["tool", "test"], r"wants a NAME or --all"),
    (["tool", "test", "calculator", "--all"], r"wants a NAME or --all"),
    (["tool", "search", b"\xff"], r"not UTF-8"),
    (["tool", "list", "--category", b"\xff"], r"not UTF-8"),
    (["tool", "invoke", "calculator", "word"], r'"word" is no key=value'),
    (["tool", "invoke", "calculator", "=1"], r'"=1" is no key=value'),
    (["tool", "invoke", "calculator", "--params", "[1]", "a=1"], r'"a=1" is no key=value'),
    (["tool", "invoke", "calculator", "--timeout", "-1"], r"--timeout wants a whole number"),
    (["kernel", "stop", "--timeout", "0"], r"from 1 to 3600"),
    (["kernel", "start", "--port", "70000"], r"from 1 to 65531"),
    (["kernel", "install", "--user", "--sys-prefix"], r"one of --user, --sys-prefix and --prefix"),
    (["kernel", "install", "--name", "a/b"], r"--name may hold"),
], ids=lambda value: " ".join(map(repr, value)) if isinstance(value, list) else "")
def test_wrong_usage(llmspell, args, pattern):
    done = llmspell.run(*[os.fsdecode(arg) for arg in args])
    fails(done, 2, pattern)
    assert "see `llmspell help" in done.err or "wants a whole number" in done.err


@pytest.mark.parametrize("args,pattern", [
    (["tool", "info", "calculatr"], r"no tool is called calculatr; did you mean calculator\?"),
    (["tool", "invoke", "zzz"], r"no tool is called zzz; `llmspell tool list`"),
    (["tool", "test", "zzz"], r"no tool is called zzz"),
    (["plugin", "info", "zzz"], r"no plugin is called zzz; `llmspell plugin list`"),
    (["plugin", "info", "./zzz.so"], r"cannot open \./zzz\.so: No such file"),
    (["plugin", "check", "zzz.so"], r"cannot open zzz\.so: No such file"),
    (["run", "zzz.lua"], r"cannot read the script zzz\.lua: No such file"),
    (["tool", "invoke", "calculator", "--params", "@zzz"], r"cannot read zzz: No such file"),
    (["-c", "zzz.ini", "tool", "list"], r"cannot read the configuration file /.*/zzz\.ini"),
    (["config", "check", "zzz.ini"], r"cannot read the configuration file /.*/zzz\.ini"),
    (["--kernel", "zzz", "exec", "1"], r"no kernel zzz runs; `llmspell kernel start --daemon`"),
    (["--kernel", "./zzz.json", "exec", "1"], r"connection file \./zzz\.json: No such file"),
    (["kernel", "status"], r"no kernel runs"),
    (["kernel", "stop"], r"no kernel runs"),
    (["kernel", "stop", "zzz"], r"no kernel zzz runs; `llmspell kernel list`"),
], ids=lambda value: " ".join(value) if isinstance(value, list) else "")
def test_absent(llmspell, args, pattern):
    fails(llmspell.run(*args), 3, pattern)


def test_global_options_before_and_behind(llmspell):
    want = llmspell.run("tool", "info", "calculator", "--output", "json")
    assert want.status == 0 and want.json["name"] == "calculator"
    for args in (["--output", "json", "tool", "info", "calculator"],
                 ["--output=json", "tool", "info", "calculator"],
                 ["-o", "json", "tool", "info", "calculator"], ["-ojson", "tool", "info", "calculator"],
                 ["-qo", "json", "tool", "info", "calculator"], ["--out", "json", "tool", "info", "calculator"],
                 ["tool", "info", "-o", "json", "calculator"], ["tool", "info", "calculator", "-ojson"],
                 ["-o", "text", "tool", "info", "calculator", "-o", "json"]):
        done = llmspell.run(*args)
        assert (done.status, done.out, done.err) == (0, want.out, ""), args
    assert llmspell.run("exec", "--", "-1").out == "-1\n"


# ---- output ----

EVERYTHING = [
    ["tool", "list"], ["tool", "info", "calculator"], ["tool", "search", "hash"],
    ["tool", "invoke", "calculator", "input=1+1"], ["tool", "test", "calculator"],
    ["tool", "test", "--all"], ["exec", "return {a = 1}"], ["run", "script.lua"], ["version"],
    ["plugin", "list"], ["plugin", "info", "calculator"], ["config", "show"], ["config", "check"],
    ["config", "path"], ["kernel", "list"],
]


@pytest.mark.parametrize("args", EVERYTHING, ids=" ".join)
def test_json_is_one_document_and_text_is_not(where, llmspell, args):
    (llmspell.cwd / "script.lua").write_text("print('printed')\nreturn 5\n")
    done = where(*args, "-o", "json") if args[0] != "run" else where("-o", "json", *args)
    said = [line for line in done.err.splitlines() if "ASan doesn't fully support" not in line]
    assert done.status == 0 and said == [], done  # json_processor runs jq on a stack of its own
    assert isinstance(json.loads(done.out), (dict, list))
    assert done.out.count("\n") == 1 and done.out.endswith("\n")
    text = where(*args)
    assert text.status == 0, text
    assert text.out + text.err != "" and "\033" not in text.out
    if args[:2] != ["tool", "invoke"]:  # whose result is a JSON value
        with pytest.raises(ValueError):
            json.loads(text.out)


def on_terminal(llmspell, *args, **env):
    """stdout of a command on a terminal."""
    master, slave = pty.openpty()
    process = subprocess.Popen([BINARY, *args], stdout=slave, cwd=llmspell.cwd,
                               env={**llmspell.env, "TERM": "xterm", **env})
    os.close(slave)
    output = b""
    try:
        while chunk := os.read(master, 65536):
            output += chunk
    except OSError:  # the other end is closed
        pass
    os.close(master)
    assert process.wait(60) == 0
    return output.decode()


def test_colour_on_terminals_only(llmspell):
    for args in (["help"], ["tool", "info", "calculator"], ["tool", "list"]):
        assert "\033[" in on_terminal(llmspell, *args), args
        for plain in (on_terminal(llmspell, *args, NO_COLOR="1"),
                      on_terminal(llmspell, *args, "--no-color"),
                      on_terminal(llmspell, *args, TERM="dumb"), llmspell.run(*args).out):
            assert "\033" not in plain and plain != ""
    assert "\033[" in on_terminal(llmspell, "help", NO_COLOR="")
    shown = on_terminal(llmspell, "tool", "info", "calculator", "-o", "json")
    assert json.loads(shown)["name"] == "calculator" and shown.count("\n") > 10  # for people to read


def test_quiet(llmspell):
    assert llmspell.run("tool", "list").out.startswith("NAME ")
    rows = [line.split(None, 1)[0] for line in llmspell.run("tool", "list", "-q").out.splitlines()]
    assert sorted(rows) == [tool["name"] for tool in llmspell.json("tool", "list")]
    assert llmspell.run("-q", "kernel", "list").err == ""
    assert llmspell.run("-q", "tool", "search", "zzzz").err == ""
    assert "no tool was found" in llmspell.run("tool", "search", "zzzz").err
    assert llmspell.run("-q", "config", "check").out == ""
    started = llmspell.run("-q", "kernel", "start", "--daemon", "--id", "calm")
    assert (started.status, started.out, started.err) == (0, "", "")
    stopped = llmspell.run("-q", "kernel", "stop", "calm")
    assert (stopped.status, stopped.out, stopped.err) == (0, "", "")


def test_a_full_disk_is_an_error(llmspell):
    with open("/dev/full", "w") as full:
        done = subprocess.run([BINARY, "help"], stdout=full, stderr=subprocess.PIPE, env=llmspell.env)
    assert done.returncode == 1


def test_log_level_and_stderr(where):
    done = where("exec", "1", "--log-level", "trace")
    assert done.status == 0 and done.out == "1\n", done


# ---- tool list, info, search, test ----

def test_tool_list(where, llmspell):
    tools = where("tool", "list", "-o", "json").json
    names = [tool["name"] for tool in tools]
    built = sorted(p.parent.name for p in (ROOT / "plugins" / "tools").glob("*/CMakeLists.txt"))
    assert names == built
    assert tools == llmspell.json("tool", "list")
    for tool in tools:
        assert {"name", "title", "description", "category", "version", "level"} <= tool.keys()


def test_tool_list_is_grouped_by_category(where):
    tools = {tool["name"]: tool for tool in where("tool", "list", "-o", "json").json}
    lines = where("tool", "list").out.splitlines()
    assert lines[0].split() == ["NAME", "LEVEL", "DESCRIPTION"]
    groups, category = {}, None
    for line in lines[1:]:
        if line.startswith("  "):
            name, level, description = line.split(None, 2) if line.strip() else (None, None, None)
            if name:
                first = re.split(r"(?<=\.) (?=[A-Z])", tools[name]["description"])[0]
                assert (level, description) == (tools[name]["level"], first)
                groups[category].append(name)
        elif line.strip():
            category = line.strip()
            assert category not in groups
            groups[category] = []
    assert list(groups) == sorted(groups)
    assert groups == {category: [name for name, tool in tools.items()
                                 if tool["category"] == category]
                      for category in sorted({tool["category"] for tool in tools.values()})}
    found = where("tool", "search", "hash").out.splitlines()
    assert found[1].strip() == "utility" and found[2].split()[0] == "hash_calculator"


def test_tool_list_category(where):
    everything = where("tool", "list", "-o", "json").json
    for category in {tool["category"] for tool in everything}:
        some = where("tool", "list", "--category", category, "-o", "json").json
        assert some == [tool for tool in everything if tool["category"] == category] != []
    none = where("tool", "list", "--category", "zzz", "-o", "json")
    assert (none.status, none.json) == (0, [])


def test_tool_search(where):
    def found(*words):
        return [tool["name"] for tool in where("tool", "search", *words, "-o", "json").json]
    assert found("sha256") == found("SHA256") == ["hash_calculator"]
    assert found("hash", "hmac") == ["hash_calculator"]
    assert found("calculator", "zzzz") == [] and found("guid") == ["uuid_generator"]
    assert found("hash", "--category", "system") == []


def test_tool_info(where, llmspell):
    manifest = json.loads((ROOT / "plugins/tools/calculator/calculator.json").read_text())
    info = where("tool", "info", "calculator", "-o", "json").json
    assert {key: info[key] for key in manifest} == manifest
    assert info["level"] == "safe" and info["file"].endswith("/calculator.so")
    text = where("tool", "info", "calculator").out
    assert re.findall(r"^[A-Z ]+$", text, re.M) == [
        "NAME", "SYNOPSIS", "DESCRIPTION", "PARAMETERS", "WHAT NEEDS WHAT", "RESULT", "ERRORS",
        "LIMITS", "EXAMPLES", "RIGHTS", "ORIGIN"]
    assert "    if operation is evaluate or validate: input is needed\n" in text
    for alias in ("Calculator", *manifest["aliases"]):
        assert where("tool", "info", alias, "-o", "json").json["name"] == "calculator"


def page_words(text):
    """A page without its folds, so that what stands in it can be found whatever the width."""
    return " ".join(text.split())


def texts_of(value):
    """The names and descriptions of all members of a schema."""
    if isinstance(value, dict):
        for name, member in value.get("properties", {}).items():
            yield name
            if isinstance(member, dict) and "description" in member:
                yield page_words(member["description"])
            yield from texts_of(member)  # it may itself be called "properties"
        for key, inner in value.items():
            if key not in ("properties", "if", "then", "else", "not", "enum", "default", "const"):
                yield from texts_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts_of(inner)


@pytest.mark.parametrize("name", sorted(
    p.parent.name for p in (ROOT / "plugins" / "tools").glob("*/CMakeLists.txt")))
def test_the_page_of_a_tool(llmspell, name):
    """All that the manifest says is there, for each tool of ours."""
    info = llmspell.json("tool", "info", name)
    text = llmspell.run("tool", "info", name).out
    words = page_words(text)
    assert f"llmspell tool invoke {name}" in text and f"Tool.{name}{{" in text
    assert f"    POST /tools/{name}/invoke " in text
    assert f'"name":"{name}","params":' in text and page_words(info["description"]) in words
    properties = info["parameters"]["properties"]
    for key, schema in properties.items():
        head, = [line for line in text.split("\nPARAMETERS")[1].split("\nRESULT")[0].splitlines()
                 if line.startswith(f"    {key}: ")]
        assert ("(required)" in head) == (key in info["parameters"].get("required", []))
        for value in schema.get("enum", []) + schema.get("x-aliases", []):
            assert (str(value) if str(value).strip() else json.dumps(value)) in words
        if isinstance(schema.get("default"), (str, int)):
            assert f"default {json.dumps(schema['default'], ensure_ascii=False)}" in words
    for found in [*texts_of(info["parameters"]), *texts_of(info["result"])]:
        assert found in words
    for part in info["parameters"].get("allOf", []):
        for key in part.get("then", {}).get("required", []):
            assert re.search(rf"\b{key}\b", text.split("\nWHAT NEEDS WHAT")[1].split("\nRESULT")[0])
    for example in info["examples"]:
        assert page_words(example["title"]) in words
    assert info["file"] in text and info["level"] in text
    for line in text.split("\nEXAMPLES")[0].splitlines():
        assert len(line) <= 100 or " " not in line.strip(), line


def test_an_example_can_be_pasted_into_a_shell(llmspell):
    page = llmspell.run("tool", "info", "text_manipulator").out
    line = re.search(r"^ +(llmspell tool invoke .*)$", page.split("EXAMPLES")[1], re.M)[1]
    done = subprocess.run(["sh", "-c", line.replace("llmspell", str(BINARY), 1)], text=True,
                          capture_output=True, env=llmspell.env, cwd=llmspell.cwd)
    assert done.returncode == 0 and done.stdout, done


def test_pages_fit_the_terminal(llmspell):
    narrow = on_terminal(llmspell, "tool", "info", "calculator", NO_COLOR="1")
    assert all(len(line) <= 92 for line in narrow.split("EXAMPLES")[0].splitlines())


def test_tool_test(where):
    one = where("tool", "test", "calculator")
    assert one.status == 0 and re.search(r"\n\d+ passed, 0 failed\n$", one.out)
    done = where("tool", "test", "--all", "-o", "json")
    assert done.status == 0
    names = [reply["tool"] for reply in done.json]
    assert names == [tool["name"] for tool in where("tool", "list", "-o", "json").json]
    for reply in done.json:
        assert len(reply["tests"]) >= 2 and all(test["status"] == "ok" for test in reply["tests"])
        assert reply["examples"] == reply["passed"] == len(reply["tests"])
        assert reply["failed"] == 0 and reply["duration_ms"] > 0
    rows = [line.split() for line in where("tool", "test", "--all").out.splitlines()]
    assert rows[0] == ["TOOL", "EXAMPLES", "PASSED", "FAILED", "TIME"]
    assert [row[:4] for row in rows[1:-1]] == [
        [reply["tool"], *(str(reply[key]) for key in ("examples", "passed", "failed"))]
        for reply in done.json]
    count = str(sum(reply["examples"] for reply in done.json))
    assert rows[-1][:4] == ["total", count, count, "0"] and rows[-1][5] == "ms"


# ---- scripts ----

def test_exec(where):
    done = where("exec", "print('out') io.stderr:write('err\\n') return 6 * 7")
    assert (done.status, done.out, done.err) == (0, "out\n42\n", "err\n")
    done = where("exec", "print('out') return 6 * 7", "-o", "json").json
    assert done["status"] == "ok" and done["result"] == {"text/plain": "42"}
    assert [event["type"] for event in done["outputs"]] == ["stream", "execute_result"]
    assert done["outputs"][0]["content"] == {"name": "stdout", "text": "out\n"}
    assert where("exec", "x = 1").out == ""
    assert where("exec", "return #require('string').rep('x', 3000000)").out == "3000000\n"


def test_error_of_a_script(where):
    done = where("exec", "print('before') error('broken')")
    assert done.status == 1 and done.out == "before\n", done
    assert "broken" in done.err.splitlines()[0] and "stack traceback" in done.err
    done = where("exec", "print('before') error('broken')", "-o", "json")
    assert done.status == 1 and done.json["status"] == "error" and done.err == ""
    assert "broken" in done.json["evalue"] and done.json["traceback"] and done.json["ename"]
    done = where("exec", "x = = 1")
    assert done.status == 1 and "unexpected symbol" in done.err
    for status in (0, 7, 255):
        assert where("exec", f"os.exit({status})").status == status
    assert where("exec", "1").status == 0  # and the kernel lives on


def test_run(where, llmspell):
    (llmspell.cwd / "args.lua").write_text(
        "#!/usr/bin/env llmspell\nprint(arg[0], #arg, ...)\nprint(ARGS[1], ARGS.output)\nreturn 'value'\n")
    done = where("run", "args.lua", "one", "--output", "json", "-x", "ä b")
    assert (done.status, done.out) == (
        0, "args.lua\t5\tone\t--output\tjson\t-x\tä b\none\tjson\n"), done
    done = where("run", "--result", "args.lua", "one", "two")
    assert done.out.endswith("one\tnil\nvalue\n")
    done = where("-o", "json", "run", "args.lua")
    assert done.json["result"] == {"text/plain": "value"}
    done = where("run", "-", "a", input="print('from stdin', ...)")
    assert (done.status, done.out) == (0, "from stdin\ta\n")
    (llmspell.cwd / "ask.lua").write_text("io.write('name? ') print('hello ' .. io.read())\n"
                                         "print(io.read())\n")
    assert where("run", "ask.lua", input="Ada\n").out.replace("name? ", "") == "hello Ada\nnil\n"
    (llmspell.cwd / "empty.lua").write_text("")
    assert where("run", "empty.lua").status == 0
    (llmspell.cwd / "bytes.lua").write_bytes(b"print('\xe9')\n")
    fails(where("run", "bytes.lua"), 1, "bytes.lua is not UTF-8")
    fails(where("run", "."), 1, "cannot read the script .: Is a directory")


# ---- configuration ----

def test_config_layers_and_origin(llmspell):
    def shown(*args, env=None):
        return llmspell.run("config", "show", "--origin", "-o", "json", *args, env=env).json["log"]["level"]
    assert shown() == {"value": "info", "origin": "built-in"}
    user = llmspell.home / "llmspell.ini"
    user.write_text("[log]\n\nlevel = warn\n")
    assert shown() == {"value": "warn", "origin": f"{user}:3"}
    mine = llmspell.cwd / "mine.ini"
    mine.write_text("[log]\nlevel = debug\n")
    assert shown("-c", mine) == {"value": "debug", "origin": f"{mine}:2"}
    assert shown(env={"LLMSPELL_CONFIG": str(mine)})["value"] == "debug"
    (llmspell.home / "conf.d").mkdir()
    extra = llmspell.home / "conf.d" / "10-extra.ini"
    extra.write_text("[log]\nlevel = off\n")
    assert shown("-c", mine) == {"value": "off", "origin": f"{extra}:2"}
    env = {"LLMSPELL_LOG_LEVEL": "trace"}
    assert shown("-c", mine, env=env) == {"value": "trace", "origin": "environment LLMSPELL_LOG_LEVEL"}
    assert shown("-c", mine, "--set", "log.level=error", env=env) == {"value": "error", "origin": "--set"}
    text = llmspell.run("config", "show", "--origin", "-c", mine)
    assert re.search(rf"^log +level +off +{extra}:2$", text.out, re.M), text
    assert llmspell.json("config", "show")["log"]["level"] == "off"
    assert llmspell.json("config", "path", "-c", mine) == {
        "home": str(llmspell.home), "files": [str(user), str(mine), str(extra)]}


@pytest.mark.parametrize("text,pattern", [
    ("[log]\nlevl = debug\n", r":2: \[log\] has no key \"levl\"; did you mean level\?"),
    ("\n[lgo]\nlevel = debug\n", r":2: there is no section \[lgo\]; did you mean \[log\]\?"),
    ("[log]\nlevel = loud\n", r":2: \[log\] level = \"loud\" is not acceptable: expected one of off"),
    ("[kernel]\nhistory = many\n", r":2: \[kernel\] history"),
    ("[kernel]\nhistory_max = many\n", r":2: \[kernel\] history_max"),
    ("[log\nlevel = debug\n", r":1: the section is not closed"),
    ("[log]\nlevel\n", r":2: "),
    ("[tool.calculatr]\nx = 1\n", r":2: section \[tool\.calculatr\]: no such plugin .* did you mean calculator"),
    ("[tool.calculator]\nx = 1\n", r":2: \[tool\.calculator\] has no key \"x\""),
])
def test_config_errors_say_where(llmspell, text, pattern):
    file = llmspell.cwd / "bad.ini"
    file.write_text(text)
    fails(llmspell.run("config", "check", file), 1, f"{file}{pattern}")
    fails(llmspell.run("-c", file, "config", "check"), 1, f"{file}{pattern}")
    if "tool." not in text:
        fails(llmspell.run("-c", file, "tool", "list"), 1, f"{file}{pattern}")


def test_config_errors_of_other_layers(llmspell):
    fails(llmspell.run("config", "show", "--set", "log.levl=debug"), 1, "--set log.levl.* did you mean level")
    fails(llmspell.run("config", "show", "--set", "nonsense"), 1, "expected section.key=value")
    fails(llmspell.run("config", "show", env={"LLMSPELL_LOG_LEVL": "debug"}), 1,
          "environment LLMSPELL_LOG_LEVL: .* did you mean level")


def test_config_init(llmspell):
    file = llmspell.home / "llmspell.ini"
    done = llmspell.run("config", "init")
    assert (done.status, done.out) == (0, f"{file} written\n")
    assert file.read_text() == (ROOT / "conf" / "llmspell.ini").read_text()
    fails(llmspell.run("config", "init"), 1, "File exists; --force overwrites it")
    assert llmspell.json("config", "init", "--force") == {"status": "ok", "file": str(file)}
    assert llmspell.run("config", "init", "other.ini").status == 0
    done = llmspell.run("config", "check", "other.ini")
    assert (done.status, done.out) == (0, "the configuration is good (2 files read)\n")
    assert llmspell.json("config", "check") == {"status": "ok"}


# ---- kernels ----

def test_kernel_commands(llmspell):
    assert llmspell.json("kernel", "list") == []
    started = llmspell.start(id="alpha-1")
    connection = Path(started["connection_file"])
    assert connection == llmspell.home / "kernels" / "alpha-1.json"
    assert connection.stat().st_mode & 0o777 == 0o600
    row, = llmspell.json("kernel", "list")
    assert row == {"kernel_id": "alpha-1", "pid": started["pid"], "state": "running",
                   "protocol": "jupyter", "connection_file": str(connection)}
    again = llmspell.run("kernel", "start", "--daemon", "--id", "alpha-1")
    fails(again, 1, rf"held by the running process {started['pid']}: stop it first")
    for args in ([], ["alpha-1"], ["alpha"], ["--kernel", "alpha-1"], [connection]):
        assert llmspell.json("kernel", "status", *args)["pid"] == started["pid"]
    assert re.search(r"^kernel +alpha-1$", llmspell.run("kernel", "status").out, re.M)
    fails(llmspell.run("kernel", "status", "alpha-2"), 3, "no kernel alpha-2 runs; did you mean alpha-1?")
    assert llmspell.json("kernel", "interrupt")["status"] == "ok"
    llmspell.start(id="alpha-2")
    fails(llmspell.run("kernel", "status"), 1, "2 kernels run: name one")
    fails(llmspell.run("--kernel", "alpha", "exec", "1"), 1, "2 kernels run whose id starts with alpha")
    fails(llmspell.run("kernel", "stop"), 1, "2 kernels run: name one, or use --all")
    assert llmspell.run("kernel", "stop", "alpha-1").out == "kernel alpha-1 stopped\n"
    assert not connection.exists()
    assert llmspell.json("kernel", "stop", "--all") == {"status": "ok", "stopped": ["alpha-2"]}
    assert llmspell.json("kernel", "list") == []


def test_kernel_that_is_gone(kernel):
    """4: there is a connection file, but nobody answers."""
    copy = kernel.cwd / "old.json"
    copy.write_text(Path(kernel.started["connection_file"]).read_text())
    assert kernel.run("--kernel", copy, "exec", "1").status == 0
    assert kernel.run("kernel", "stop").status == 0
    for args in (["exec", "1"], ["tool", "list"], ["tool", "invoke", "calculator", "input=1"],
                 ["kernel", "status"]):
        fails(kernel.run("--kernel", copy, *args), 4, "is gone; its connection file is stale")
    copy.write_text("{nonsense")
    fails(kernel.run("--kernel", copy, "exec", "1"), 1, "is not a connection file: line 1")


def test_kernel_install(llmspell, tmp_path):
    done = llmspell.json("kernel", "install", "--prefix", tmp_path / "p", "--display-name", "Spell")
    file = tmp_path / "p/share/jupyter/kernels/llmspell-lua/kernel.json"
    assert done["status"] == "ok" and done["file"] == str(file)
    spec = json.loads(file.read_text())
    assert spec == done["kernelspec"] and spec["display_name"] == "Spell"
    assert spec["argv"][0] == str(BINARY.resolve()) and "{connection_file}" in spec["argv"]
    assert spec["language"] == "lua" and spec["interrupt_mode"] == "message"
    text = llmspell.run("kernel", "install", "--name", "other")
    assert text.out == f"kernelspec written to {tmp_path / 'jupyter/kernels/other'}\n"
