# SPDX-License-Identifier: Apache-2.0
"""Tools without C (docs/native.md): the examples from a user's plugin folder, through the real
binary; bare manifests among other JSON; plugins of plain C functions, built with the SDK."""
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from conftest import BUILD, ROOT

EXAMPLES = ROOT / "examples" / "native"


@pytest.fixture
def plugins(llmspell):
    """The user's plugin folder, $LLMSPELL_HOME/plugins, with the examples in it."""
    folder = llmspell.home / "plugins"
    folder.mkdir(mode=0o755)
    for file in [*EXAMPLES.glob("*.json"), BUILD / "examples" / "native" / "polygon.so"]:
        shutil.copyfile(file, folder / file.name)
        os.chmod(folder / file.name, 0o644)
    return folder


def change(folder, name, edit, to=None):
    """A copy of an example's manifest that edit has changed, as NAME.json."""
    manifest = json.loads((EXAMPLES / f"{name}.json").read_text())
    manifest["name"] = to or name
    edit(manifest)
    file = folder / f"{to or name}.json"
    file.write_text(json.dumps(manifest))
    os.chmod(file, 0o644)
    return file


def invoke(llmspell, tool, /, **params):
    done = llmspell.run("tool", "invoke", tool, "--params", json.dumps(params), "--output", "json")
    assert done.json["tool"] == tool, done
    assert (done.status == 0) == (done.json["status"] == "ok"), done
    return done.json


def result(llmspell, tool, /, **params):
    reply = invoke(llmspell, tool, **params)
    assert reply["status"] == "ok", reply
    return reply["result"]


def error(llmspell, tool, /, **params):
    reply = invoke(llmspell, tool, **params)
    assert reply["status"] == "error", reply
    return reply["error"]


def state(llmspell, name):
    entries = [e for e in llmspell.json("plugin", "list") if e["name"] == name]
    return entries[0] if entries else None


@pytest.mark.parametrize("name", ["hypot", "crc32", "getenv", "inet_pton", "polygon"])
def test_the_examples_pass(llmspell, plugins, name):
    done = llmspell.run("tool", "test", name)
    assert done.status == 0 and ", 0 failed" in done.out, done
    assert not done.out.rstrip().endswith("0 passed, 0 failed"), done


def test_calls(llmspell, plugins):
    assert result(llmspell, "hypot", x=3, y=4) == {"result": 5.0}
    assert result(llmspell, "crc32", data="MTIzNDU2Nzg5") == {"crc32": 0xCBF43926}
    assert result(llmspell, "inet_pton", input="::1")["bytes"] == "AAAAAAAAAAAAAAAAAAAAAQ=="
    measures = result(llmspell, "polygon", coordinates=[0, 0, 4, 0, 0, 3])["measures"]
    assert measures == {"corners": 3, "area": 6.0, "perimeter": 12.0,
                        "centroid": {"x": 4 / 3, "y": 1.0}}
    # its manifest asks for env:HOME, but nobody has granted it
    assert result(llmspell, "getenv", name="HOME") == {"value": None}
    (llmspell.home / "llmspell.ini").write_text("[tool.getenv]\nenv = HOME\n")
    assert result(llmspell, "getenv", name="HOME") == {"value": llmspell.env["HOME"]}


def test_callbacks(llmspell, plugins):
    """qsort of libc sorts by what a tool says; the tool is called in the kernel."""
    sort = {"numbers": [3, -1, 2, 40, 5], "compare": "tool:compare"}
    done = llmspell.run("tool", "invoke", "qsort", "--params", json.dumps(sort), "-o", "json")
    assert done.status != 0 and "no tool is called compare" in done.json["error"]["message"], done
    (plugins / "compare.json").write_text(json.dumps({
        "manifest": 1, "kind": "tool", "name": "compare", "version": "1.0.0",
        "abi": {"major": 1, "minor": 0}, "title": "Compare", "description": "x minus y.",
        "category": "utility", "capabilities": [], "annotations": {},
        "parameters": {"type": "object", "required": ["a", "b"], "properties": {
            "a": {"type": "integer"}, "b": {"type": "integer"}}},
        "native": {"library": "libc.so.6", "symbol": "difftime", "arguments": [
            {"name": "a", "type": "i64"}, {"name": "b", "type": "i64"}],
            "returns": {"type": "double"}}}))
    done = llmspell.run("tool", "invoke", "qsort", "--params", json.dumps(sort), "-o", "json")
    assert done.status == 0 and done.json["result"]["numbers"] == [-1, 2, 3, 5, 40], done


def test_errors(llmspell, plugins):
    assert error(llmspell, "hypot", x=3) == {"code": "invalid_params", "path": "/y",
                                             "message": "/y is missing (required)"}
    assert error(llmspell, "hypot", x="3", y=4)["path"] == "/x"
    assert error(llmspell, "crc32", data="AQI")["path"] == "/data"
    assert error(llmspell, "crc32", data="", start=-1)["path"] == "/start"
    assert error(llmspell, "crc32", data="", strat=1)["code"] == "invalid_params"
    assert error(llmspell, "polygon", coordinates=[1, 2, 3]) == {
        "code": "failed",
        "message": "polygon_measure returned 1: each corner needs an x and a y"}
    assert error(llmspell, "inet_pton", address="::1", family=99) == {
        "code": "failed", "message": "inet_pton returned -1: Address family not supported by "
                                     "protocol (EAFNOSUPPORT, errno 97)"}


def test_info_has_the_derived_schemas(llmspell, plugins):
    info = llmspell.json("tool", "info", "hypot")
    assert info["parameters"] == {
        "type": "object", "properties": {"x": {"type": "number"}, "y": {"type": "number"}},
        "required": ["x", "y"], "additionalProperties": False}
    assert info["result"]["properties"] == {"result": {"type": ["number", "null"]}}
    assert info["file"] == str(plugins / "hypot.json")
    assert "hypot" in llmspell.run("tool", "info", "hypot").out


def test_check_binds(llmspell, plugins):
    for name in ("hypot.json", "polygon.so"):
        done = llmspell.run("plugin", "check", plugins / name, "--output", "json")
        assert done.status == 0, done
        assert {"check": "native: library, symbols, types", "status": "ok"} in done.json["checks"]
    file = change(plugins, "hypot", lambda m: m["native"].update(symbol="hypott"))
    done = llmspell.run("plugin", "check", file)
    assert done.status == 1 and 'did you mean "hypot"?' in done.out, done


def test_missing_library_and_symbol(llmspell, plugins):
    change(plugins, "hypot", lambda m: m["native"].update(library="libm.so.66"), "lost")
    said = error(llmspell, "lost", x=1, y=1)
    assert said["code"] == "plugin_refused" and "did you mean libm.so.6?" in said["message"], said
    change(plugins, "hypot", lambda m: m["native"].update(symbol="hypoot"), "typo")
    assert 'did you mean "hypot"?' in error(llmspell, "typo", x=1, y=1)["message"]


def test_a_bad_description_is_refused_with_its_place(llmspell, plugins):
    file = change(plugins, "hypot", lambda m: m["native"]["arguments"][1].update(type="duoble"),
                  "bad")
    said = error(llmspell, "bad", x=1, y=1)
    assert said == {"code": "plugin_refused", "message":
                    f'{file}: "/native/arguments/1/type" in its manifest: there is no type '
                    '"duoble"; did you mean "double"?'}
    assert result(llmspell, "hypot", x=3, y=4) == {"result": 5.0}


def test_other_json_is_passed_over(llmspell, plugins):
    for name, text in {"package": '{"name": "x", "version": "1"}', "list": "[1]", "torn": '{"a":',
                       "word": '{"a": "manifest"}'}.items():
        (plugins / f"{name}.json").write_text(text)
    (plugins / "polygon.json").write_text((EXAMPLES / "polygon" / "polygon.json").read_text())
    names = [entry["name"] for entry in llmspell.json("plugin", "list")]
    assert not {"package", "list", "torn", "word"} & set(names)
    assert names.count("polygon") == 1 and state(llmspell, "polygon")["file"].endswith(".so")


def test_what_claims_to_be_a_manifest_is_told(llmspell, plugins):
    (plugins / "broken.json").write_text('{"manifest": 1, "kind": "tool", "name": "broken"')
    broken = state(llmspell, "broken")
    assert broken["state"] == "refused" and "is not a JSON object" in broken["reason"], broken
    change(plugins, "hypot", lambda m: m["native"].update(library=None), "alone")
    alone = state(llmspell, "alone")
    assert alone["state"] == "refused", alone
    assert "is a manifest without its shared object" in alone["reason"], alone
    os.chmod(plugins / "hypot.json", 0o666)
    hypot = state(llmspell, "hypot")
    assert hypot["state"] == "refused" and "may be written by group" in hypot["reason"], hypot


def test_in_a_kernel_with_reload(llmspell, plugins):
    llmspell.start()
    def ask(*args):
        return llmspell.run("--kernel", "test", "tool", "invoke", *args, "--output", "json").json
    assert ask("hypot", "x=3", "y=4")["result"] == {"result": 5.0}
    change(plugins, "hypot", lambda m: m["native"].update(symbol="fmax"), "larger")
    assert llmspell.run("kernel", "reload", "test").status == 0
    assert ask("larger", "x=3", "y=4")["result"] == {"result": 4.0}
    assert ask("hypot", "x=6", "y=8")["result"] == {"result": 10.0}


def test_a_plugin_of_plain_functions_is_built_outside_the_tree(llmspell, tmp_path):
    prefix, build = tmp_path / "sdk", tmp_path / "build"
    for command in (["cmake", "--install", BUILD, "--prefix", prefix],
                    ["cmake", "-S", EXAMPLES / "polygon", "-B", build, "-G", "Ninja",
                     f"-DCMAKE_PREFIX_PATH={prefix}"],
                    ["cmake", "--build", build]):
        done = subprocess.run([*map(str, command)], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    names = subprocess.run(["nm", "-D", "--defined-only", build / "polygon.so"], text=True,
                           capture_output=True, check=True).stdout.split()[2::3]
    assert sorted(names) == ["polygon_error", "polygon_measure"]
    installed = prefix / "share" / "doc" / "llmspell" / "examples" / "native"
    assert (installed / "hypot.json").exists()
    done = llmspell.run("--plugin-dir", build, "tool", "test", "polygon")
    assert done.status == 0 and "1 passed, 0 failed" in done.out, done
