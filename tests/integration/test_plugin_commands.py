# SPDX-License-Identifier: Apache-2.0
"""What plugin authors use: `plugin new`, `plugin check`, `plugin test`."""
import json
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from conftest import BUILD, ROOT
from plugins import maker
from test_sdk import installs, run, sdk, shell  # noqa: F401 (a fixture)

PLUGINS = sorted(p for kind in ("tools", "protocols", "runtimes")
                 for p in (BUILD / "lib" / "llmspell" / kind).glob("*.so"))
MANIFESTS = sorted(p for p in ROOT.glob("plugins/*/*/*.json") if p.stem == p.parent.name)
plain = pytest.mark.skipif(bool(os.environ.get("LLMSPELL_SANITIZER")),
                           reason="the sanitizer's own threads and handlers are seen")


# ---- plugin new ----

def new(llmspell, sdk, kind, name, *args):
    done = run(llmspell, sdk, "plugin", "new", kind, name, *args, "-o", "json")
    assert done.status == 0, done
    folder = llmspell.cwd / done.json["folder"]
    assert sorted(done.json["files"]) == sorted(p.name for p in folder.iterdir())
    return folder


def build(sdk, folder):
    out = shell("cmake", "-B", "build", "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={sdk.prefix}",
                cwd=folder) + shell("cmake", "--build", "build", cwd=folder)
    assert "warning" not in out.lower(), out
    return folder / "build" / f"{folder.name}.so"


@installs
@pytest.mark.parametrize("kind", ["tool", "tool-cpp", "protocol"])
def test_a_new_plugin_builds_and_passes_at_once(llmspell, sdk, kind):
    folder = new(llmspell, sdk, kind, "word_2")
    for path in folder.iterdir():
        assert "my_" not in path.read_text() + path.name and str(ROOT) not in path.read_text()
    file = build(sdk, folder)
    check = run(llmspell, sdk, "plugin", "check", "--strict", file)
    assert check.status == 0 and check.out.endswith("\n0 errors, 0 warnings\n"), check
    done = run(llmspell, sdk, "plugin", "test", file)
    assert done.status == 0 and re.search(r"^([5-9]|1\d) passed, 0 failed$", done.out, re.M), done
    out = shell("ctest", "--output-on-failure", cwd=folder / "build")
    assert "100% tests passed, 0 tests failed out of 2" in out
    placed = llmspell.cwd / "prefix"
    shell("cmake", "--install", folder / "build", "--prefix", placed)
    assert len(list(placed.glob("**/word_2.so"))) == 1


@installs
def test_a_new_native_tool_builds_and_passes_at_once(llmspell, sdk):
    file = build(sdk, new(llmspell, sdk, "tool-native", "far"))
    done = run(llmspell, sdk, "plugin", "test", file)
    assert done.status == 0 and "8 passed, 0 failed" in done.out, done


@installs
def test_a_new_native_tool_exports_its_function(llmspell, sdk):
    file = build(sdk, new(llmspell, sdk, "tool-native", "far"))
    check = run(llmspell, sdk, "plugin", "check", "--strict", file)
    assert check.status == 0, check
    names = shell("nm", "-D", "--defined-only", file).splitlines()
    assert [line.split()[-1] for line in names] == ["far_km"]


@installs
def test_an_interrupt_goes_through_a_new_protocol(llmspell, sdk):
    folder = build(sdk, new(llmspell, sdk, "protocol", "lines")).parent
    options = ["--plugin-dir", folder, "--set", "kernel.protocol=lines"]
    assert run(llmspell, sdk, *options, "kernel", "start", "--daemon", "--id", "k").status == 0
    loop = subprocess.Popen([sdk.binary, *options, "--kernel", "k", "exec",
                             "print('begun') while true do end"], env=llmspell.env, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=llmspell.cwd)
    assert loop.stdout.readline() == "begun\n"
    loop.send_signal(signal.SIGINT)
    _, err = loop.communicate(timeout=20)
    assert loop.returncode == 130 and "did not answer" not in err, err
    done = run(llmspell, sdk, *options, "--kernel", "k", "exec", "return 'free'")
    assert done.out == "free\n", done
    assert run(llmspell, sdk, *options, "kernel", "stop", "k").status == 0


def test_choices_reach_the_files(llmspell):
    done = llmspell.run("plugin", "new", "tool", "my_tool2", "sub/dir", "--category", "data",
                        "--license", "MIT OR BSD-2-Clause")
    assert done.status == 0 and "cmake -B build" in done.out, done
    folder = llmspell.cwd / "sub" / "dir"
    manifest = json.loads((folder / "my_tool2.json").read_text())
    assert (manifest["name"], manifest["title"]) == ("my_tool2", "My tool2")
    assert (manifest["category"], manifest["license"]) == ("data", "MIT OR BSD-2-Clause")
    assert "SPDX-License-Identifier: MIT OR BSD-2-Clause" in (folder / "my_tool2.c").read_text()
    again = llmspell.run("plugin", "new", "tool", "my_tool2", "sub/dir")
    assert again.status == 1 and "is not empty" in again.err, again
    (folder / "mine.txt").write_text("kept")
    (folder / "my_tool2.c").write_text("gone")
    assert llmspell.run("plugin", "new", "tool", "my_tool2", "sub/dir", "--force").status == 0
    assert (folder / "mine.txt").read_text() == "kept"
    assert (folder / "my_tool2.c").read_text() != "gone"


def test_a_folder_that_is_there_and_empty(llmspell):
    here = llmspell.cwd / "here"
    here.mkdir(mode=0o700)
    assert llmspell.run("plugin", "new", "protocol", "p", ".", cwd=here).status == 0
    assert here.stat().st_mode & 0o777 == 0o700 and (here / "p.c").exists()
    file = llmspell.cwd / "file"
    file.write_text("")
    done = llmspell.run("plugin", "new", "tool", "t", "file")
    assert done.status == 1 and "file" in done.err, done


@pytest.mark.parametrize("args,pattern", [
    (["tol", "a"], r"no kind \"tol\".*did you mean tool\?"),
    (["tool", "Big"], r"lower-case letters.*\"Big\" does not"),
    (["tool", "9a"], r"the first a letter"),
    (["tool", "a-b"], r"lower-case letters"),
    (["tool", "a" * 65], r"1 to 64"),
    (["tool", ""], r"1 to 64"),
    (["tool", "test"], r"CMake keeps"),
    (["tool", "a", "--category", "dat"], r"no category \"dat\".*did you mean data\?"),
    (["tool", "a", "--license", "MIT\"; x"], r"--license wants"),
    (["protocol", "a", "--category", "data"], r"for tools"),
    (["tool"], r""),
])
def test_wrong_use_of_new(llmspell, args, pattern):
    done = llmspell.run("plugin", "new", *args)
    assert done.status == 2 and re.search(pattern, done.err), done
    assert list(llmspell.cwd.iterdir()) == []


# ---- plugin check ----

def rows(done, check=None):
    return [row for row in done.json["checks"]
            if row["status"] != "ok" and (check is None or row["check"] == check)]


def test_our_own_plugins_have_no_errors(llmspell):
    done = llmspell.run("plugin", "check", *PLUGINS, *MANIFESTS, "-o", "json")
    assert done.status == 0, done
    assert [report["file"] for report in done.json] == [str(p) for p in PLUGINS + MANIFESTS]
    noted = [row["message"] for report in done.json for row in report["checks"]
             if row["status"] != "ok"]
    # the Lua runtime: interrupts; a launch's folder, which is that of the executor's thread alone
    assert all(any(known in text for known in ("sigaction", "fchdir", "static thread-local"))
               for text in noted) \
        or os.environ.get("LLMSPELL_SANITIZER"), noted


def check_manifest(llmspell, **changes):
    file = llmspell.cwd / "greet.json"
    whole = {**maker.manifest("greet"), **changes}
    file.write_text(json.dumps({k: v for k, v in whole.items() if v is not None}, indent=1))
    done = llmspell.run("plugin", "check", file, "-o", "json")
    lines = file.read_text().splitlines()
    found = rows(done)
    for row in found:
        row["text"] = lines[row["line"] - 1] if "line" in row else ""
    return done, found


PARAMETER = {"type": "string", "description": "A"}


def parameters(**properties):
    return {"type": "object", "additionalProperties": False, "properties": properties}


@pytest.mark.parametrize("changes,severity,message,line", [
    ({"name": "Greet"}, "error", r"/name: must match", '"name"'),
    ({"version": None}, "error", r"version", "{"),
    ({"abi": {"major": 1}}, "error", r"minor", '"abi"'),
    ({"category": "utilities"}, "error", r"/category", '"category"'),
    ({"capabilities": ["fs:read:work"]}, "error", r"/capabilities/0", "fs:read:work"),
    ({"annotations": {"readonly": True}}, "warning", r'did you mean "readOnly"\?', "readonly"),
    ({"limits": {"wall": 5}}, "warning", r'did you mean "wall_ms"\?', '"wall"'),
    ({"isolation": "thread"}, "error", r"/isolation", '"isolation"'),
    ({"isolation": {"draw": "process"}}, "error", r"default", '"isolation"'),
    ({"isolation": {"default": "inline", "draw": "process"}}, "error",
     r'"isolation" names draw, which is no value of the parameter operation', '"isolation"'),
    ({"catgory": "data"}, "warning", r'unknown key "catgory"; did you mean "category"\?', "catgory"),
    ({"banner": "hi"}, "warning", r"another kind", "{"),
    ({"parameters": {"type": "objet"}}, "error", r"type", '"parameters"'),
    ({"parameters": parameters(name={**PARAMETER, "minLenght": 1})}, "warning",
     r'no keyword "minLenght".*did you mean "minLength"\?', '"name"'),
    ({"parameters": parameters(name={**PARAMETER, "minimum": 1})}, "warning",
     r'"minimum" says nothing about a value of type string', '"name"'),
    ({"parameters": parameters(name={**PARAMETER, "minLength": 9, "maxLength": 3})}, "error",
     r"minLength is above maxLength", '"name"'),
    ({"parameters": parameters(name={**PARAMETER, "default": 5})}, "error",
     r"the default does not fit", '"name"'),
    ({"parameters": {**parameters(name=PARAMETER), "required": ["nme"]}}, "error",
     r'"nme" is required, but no property', '"parameters"'),
    ({"parameters": parameters(name={"type": "string"})}, "warning", r"no description", '"name"'),
    ({"parameters": {"type": "object", "properties": {"name": PARAMETER}}}, "warning",
     r"mistyped parameter", '"parameters"'),
    ({"result": {"type": "object", "required": ["a"]},
      "examples": [{"title": "t", "params": {}, "result": {}}]}, "error",
     r"/examples/0/result", '"result": {}'),
    ({"examples": [{"title": "t", "params": {"nobody": 1}, "result_contains": {"/a": 1}}]},
     "error", r"/examples/0/params/nobody", '"nobody"'),
    ({"examples": [{"title": "t", "params": {}}]}, "error", r"/examples/0", "{"),
    ({"examples": []}, "warning", r"no examples", "{"),
], ids=lambda value: ",".join(value) if isinstance(value, dict) else "")
def test_check_of_a_manifest(llmspell, changes, severity, message, line):
    done, found = check_manifest(llmspell, **changes)
    assert done.status == (1 if severity == "error" else 0), done
    hits = [row for row in found if row["status"] == severity and re.search(message, row["message"])]
    assert hits, done
    assert line in hits[0]["text"], hits
    strict = llmspell.run("plugin", "check", "--strict", llmspell.cwd / "greet.json")
    assert strict.status == 1 and re.search(rf"^{severity} .*greet\.json:\d+: ", strict.out, re.M)


def test_check_of_a_good_manifest_and_of_no_json(llmspell):
    done, found = check_manifest(llmspell)
    assert done.status == 0 and found == [] and done.json["errors"] == 0
    file = llmspell.cwd / "bad.json"
    file.write_text('{\n "name": "a",\n "name": "b"\n}')
    done = llmspell.run("plugin", "check", file)
    assert done.status == 1 and re.search(r"^error .*line 3", done.out, re.M), done
    assert llmspell.run("plugin", "check", "nowhere.json").status == 3


@pytest.fixture(scope="module")
def rude(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rude") / "build"
    (folder.parent / "rude.json").write_text(
        json.dumps(maker.manifest("rude", parameters=parameters(do=PARAMETER), examples=[
            {"title": "nothing", "params": {}, "result": {"done": 1}}]), indent=1))
    file = folder / "rude.so"
    maker.make(file, (folder.parent / "rude.json").read_text(), sources=("rude.c",),
               link=["-Wl,-z,execstack", "-fvisibility=default"])
    return file


def test_check_of_symbols_and_flags(llmspell, rude):
    marker = llmspell.cwd / "ran"
    done = llmspell.run("plugin", "check", rude, "-o", "json")
    assert done.status == 1 and not marker.exists(), done
    text = "\n".join(row["message"] for row in rows(done))
    for word in ("exports rude_extra", "fork(): ", "chdir(): ", "setlocale(): ", "signal(): ",
                 "exit(): ", "umask(): ", "setenv(): ", "setitimer(): ", "-z,now", "-z,nodelete",
                 "executable stack"):
        assert word in text, text
    assert "llmspell_tool_v1" not in text and "malloc" not in text


def test_check_of_libraries(llmspell, tmp_path):
    other = tmp_path / "libother.so.7"
    source = tmp_path / "other.c"
    source.write_text("int other(void);\nint other(void) { return 1; }\n")
    maker.compile("-shared", "-fPIC", "-Wl,-soname,libother.so.7", source, "-o", other)
    folder = tmp_path / "plugins"
    flags = maker.flags("jansson")
    for name, extra in (("lost", []), ("found", ["-Wl,-rpath,$ORIGIN/.."])):
        maker.make(folder / f"{name}.so", libraries=[*flags, str(other), *extra],
                   defines=["CALLS=other"], link=maker.HARDENED)
    lost = llmspell.run("plugin", "check", folder / "lost.so", "-o", "json")
    assert lost.status == 1 and any("needs libother.so.7, which is not installed" in row["message"]
                                    for row in rows(lost, "libraries")), lost
    found = llmspell.run("plugin", "check", folder / "found.so", "-o", "json")
    assert found.status == 0, found


def test_check_says_when_the_source_is_newer(llmspell, rude, tmp_path):
    shutil.copytree(rude.parent.parent, tmp_path / "copy")
    source = tmp_path / "copy" / "rude.json"
    source.write_text(source.read_text().replace("1.2.3", "1.2.4"))
    done = llmspell.run("plugin", "check", tmp_path / "copy" / rude.parent.name / "rude.so")
    assert re.search(r"^warning .*rude\.json differs from what is in the plugin", done.out, re.M)


# ---- plugin test ----

def trial(llmspell, rude, cases, *args):
    file = llmspell.cwd / "cases.json"
    file.write_text(json.dumps(cases))
    done = llmspell.run("plugin", "test", rude, "--cases", file, *args, "-o", "json")
    inline, process = done.json["modes"]
    assert (inline["mode"], process["mode"]) == ("inline", "process")
    done.process = {row["title"]: row for row in process["tests"]}
    return done, {row["title"]: row for row in inline["tests"]}


@plain
@pytest.mark.parametrize("what,message", [
    ("cwd", r"changed the working directory \(from /\S+ to /\): use openat"),
    ("umask", r"changed the umask \(from 0\d+ to 0123\): use fchmod"),
    ("locale", r"changed the locale .*newlocale"),
    ("handler", r"changed signal handlers \(SIGUSR1\)"),
    ("mask", r"changed the signal mask"),
    ("environment", r"changed the environment \(\+RUDE_VARIABLE\)"),
    ("timer", r"changed an alarm or interval timer"),
    ("descriptor", r"changed open descriptors \(\+\d+ /dev/null\): close what you open"),
    ("thread", r"changed threads \(\+\d+\): join them"),
    ("child", r"changed child processes"),
    ("stdout", r"wrote 6 bytes to stdout"),
    ("crash", r"crashed with SIGSEGV"),
    ("exit", r"ended the process with status 3"),
    ("hang", r"did not end within 1 s"),
])
def test_what_a_tool_changes_is_a_failure(llmspell, rude, what, message):
    bad = {"title": what, "params": {"do": what}, "result": {"done": 1}}
    good = {"title": "behind", "params": {}, "result": {"done": 1}}
    done, tests = trial(llmspell, rude, [bad, good], *(["-t", "1"] if what == "hang" else []))
    assert done.status == 1 and [t for t in tests if tests[t]["status"] != "ok"] == [what], done
    assert done.process["behind"]["status"] == "ok" == done.process["nothing"]["status"]
    if what in ("crash", "exit", "hang"):  # there it hurts nobody else, but the call has failed
        assert done.process[what]["status"] == "error", done
    assert re.search(message, tests[what]["message"]), done
    assert tests["behind"]["status"] == "ok" == tests["nothing"]["status"]


def test_cases_are_compared(llmspell, rude):
    expectations = [({"result": {"done": 1}}, None), ({"result": {"done": 1.0}}, "expected .* got"),
                    ({"result_contains": {"/done": 2}}, "/done: expected 2, got 1"),
                    ({"result_contains": {"/gone": 2}}, "got nothing"),
                    ({"result_matches": {"/done": "^1$"}}, None),
                    ({"result_matches": {"/done": "^2$"}}, "/done"),
                    ({"result_matches": {"/done": "("}}, "no regular expression"),
                    ({"error": {"code": "failed"}}, "error: expected"), ({}, "expects nothing")]
    cases = [{"title": str(i), "params": {}, **expected}
             for i, (expected, _) in enumerate(expectations)]
    cases.append({"title": "bad", "params": {"x": 1}, "error": {"code": "invalid_params"}})
    cases.append({"title": "steps", "steps": [cases[0], cases[2]]})
    done, tests = trial(llmspell, rude, cases)
    for i, (_, message) in enumerate(expectations):
        assert tests[str(i)]["status"] == ("error" if message else "ok"), done
        assert not message or re.search(message, tests[str(i)]["message"]), done
    assert tests["bad"]["status"] == "ok"
    assert "step 2: " in tests["steps"]["message"] and done.status == 1


def test_cases_beside_the_source_are_found(llmspell, rude, tmp_path):
    shutil.copytree(rude.parent.parent, tmp_path / "copy")
    (tmp_path / "copy" / "cases.json").write_text('[{"title": "mine", "params": {}, '
                                                  '"result": {"done": 1}}]')
    done = llmspell.run("plugin", "test", tmp_path / "copy" / rude.parent.name / "rude.so")
    assert done.status == 0 and "mine" in done.out and "4 passed, 0 failed" in done.out, done


@pytest.mark.parametrize("text,pattern", [
    ("[", r"cases\.json, line 1"), ("{}", r"array of objects"),
])
def test_bad_cases(llmspell, rude, text, pattern):
    (llmspell.cwd / "cases.json").write_text(text)
    done = llmspell.run("plugin", "test", rude, "--cases", "cases.json")
    assert done.status == 1 and re.search(pattern, done.err), done


def test_cases_of_our_own_tools_pass(llmspell):
    """The same cases as in test_tools.py, by the other reader of their format."""
    for name in ("base64_encoder", "hash_calculator", "file_operations"):
        done = llmspell.run("plugin", "test", BUILD / "lib/llmspell/tools" / f"{name}.so",
                            "--cases", ROOT / "plugins/tools" / name / "cases.json")
        assert done.status == 0, done


# ---- plugin bench ----

def test_bench(llmspell, rude):
    done = llmspell.run("plugin", "bench", rude, "--seconds", "1", "-o", "json")
    assert done.status == 0, done
    report = done.json
    assert report["calls"] > 1000 and report["calls_per_second"] > 1000
    assert 0 < report["p50_us"] <= report["p99_us"]
    if not os.environ.get("LLMSPELL_SANITIZER"):  # which keeps what was freed
        assert report["growth_kib_per_10000_calls"] < 1000
    text = llmspell.run("plugin", "bench", rude, "--seconds", "1", "--params", '{"do": ""}')
    assert text.status == 0 and "calls per second" in text.out, text
    bad = llmspell.run("plugin", "bench", rude, "--params", '{"dos": 1}')
    assert bad.status == 1 and "invalid_params: " in bad.err and "dos" in bad.err, bad
    lua = BUILD / "lib" / "llmspell" / "runtimes" / "lua.so"
    assert "only tools" in llmspell.run("plugin", "bench", lua).err
