# SPDX-License-Identifier: Apache-2.0
"""The SDK as plugin authors have it: installed, moved, and used outside the tree (tests/consumers)
by find_package and pkg-config, in C and C++; the installed llmspell lists and calls the results."""
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from conftest import BUILD, ROOT
from plugins import maker
from plugins.reload import Line

CONSUMERS = ROOT / "tests" / "consumers"
HEADERS = sorted(p.name for p in (ROOT / "sdk" / "include" / "llmspell").glob("*.h"))

installs = pytest.mark.skipif(
    bool(os.environ.get("LLMSPELL_SANITIZER")),
    reason="a sanitized build is not for installing: plugins of other builds lack its runtime")


def shell(*args, cwd=None, env=None, check=True):
    """Runs a program as its author's umask of 002 would; returns its output."""
    done = subprocess.run([str(arg) for arg in args], cwd=cwd, text=True, umask=0o002,
                          env={**os.environ, **(env or {})}, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    assert not check or done.returncode == 0, f"{args}\n{done.stdout}"
    return done.stdout if check else done


class Installed:
    def __init__(self, prefix):
        self.prefix = prefix
        self.binary = prefix / "bin" / "llmspell"
        self.package, = prefix.glob("lib*/**/pkgconfig/llmspell-sdk.pc")
        self.plugins, = prefix.glob("lib*/**/llmspell/tools")
        self.env = {"PKG_CONFIG_PATH": str(self.package.parent), "CMAKE_PREFIX_PATH": str(prefix)}

    def flags(self, *args):
        return shell("pkg-config", *args, "llmspell-sdk", env=self.env).split()


@pytest.fixture(scope="session")
def sdk(tmp_path_factory):
    """Installed once, then moved: nothing in it may know where it was."""
    folder = tmp_path_factory.mktemp("sdk")
    first, then = folder / "first", folder / "moved"
    shell("cmake", "--install", BUILD, "--prefix", first)
    first.rename(then)
    return Installed(then)


def run(llmspell, sdk, *args, **kwargs):
    return llmspell.run(*args, binary=sdk.binary, **kwargs)


# ---- what is installed ----

@installs
def test_installed_files(sdk):
    assert sorted(p.name for p in (sdk.prefix / "include" / "llmspell").iterdir()) == HEADERS
    for path in sdk.prefix.rglob("*"):
        assert path.is_symlink() or not path.stat().st_mode & 0o022, f"others may write {path}"
        if path.suffix in (".cmake", ".pc", ".in", ".h"):
            text = path.read_text()
            assert str(ROOT) not in text and "/first" not in text, path
    for kind in ("tools", "protocols", "runtimes"):
        built = {p.name for p in (BUILD / "lib" / "llmspell" / kind).glob("*.so")}
        assert {p.name for p in (sdk.plugins.parent / kind).iterdir()} == built != set()


@installs
def test_installed_binary_finds_its_plugins(sdk, llmspell, tmp_path):
    link = tmp_path / "bin" / "spell"
    link.parent.mkdir()
    link.symlink_to(sdk.binary)
    for binary in (sdk.binary, link):
        done = llmspell.run("plugin", "list", "-o", "json", binary=binary)
        assert done.status == 0 and len(done.json) >= 9
        for plugin in done.json:
            assert plugin["state"] == "ready", plugin
            assert Path(plugin["file"]).is_relative_to(sdk.prefix)
        assert llmspell.run("exec", "return Tool.calculator{input='6*7'}.result",
                            binary=binary).out == "42\n"
    spec = run(llmspell, sdk, "kernel", "install", "-o", "json").json["kernelspec"]
    assert spec["argv"][0] == str(sdk.binary)
    started = run(llmspell, sdk, "kernel", "start", "--daemon", "--id", "k")
    assert started.status == 0, started
    assert run(llmspell, sdk, "--kernel", "k", "exec", "return 1").out == "1\n"
    assert run(llmspell, sdk, "kernel", "stop", "k").status == 0


@installs
def test_pkg_config(sdk):
    include, = [flag for flag in sdk.flags("--cflags") if (Path(flag[2:]) / "llmspell").exists()]
    assert os.path.normpath(include[2:]) == str(sdk.prefix / "include")
    version = re.search(r'LLMSPELL_VERSION "([^"]+)"',
                        (sdk.prefix / "include/llmspell/version.h").read_text())[1]
    assert sdk.flags("--modversion") == [version]
    assert "-ljansson" in sdk.flags("--libs")
    template = shell("pkg-config", "--variable=note_template", "llmspell-sdk", env=sdk.env).strip()
    assert "@LLMSPELL_MANIFEST_PATH@" in Path(template).read_text()


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("language", ["c", "c++"])
def test_header_compiles_alone(request, tmp_path, header, language):
    """As installed, or, in a sanitized build, as it will be."""
    folder = ROOT / "sdk" / "include"
    if not os.environ.get("LLMSPELL_SANITIZER"):
        folder = request.getfixturevalue("sdk").prefix / "include"
    source = tmp_path / ("alone.c" if language == "c" else "alone.cpp")
    source.write_text(f"#include <llmspell/{header}>\n#include <llmspell/{header}>\n"
                      "int main(void) { return 0; }\n")
    standard = ["cc", "-std=c11"] if language == "c" else ["c++", "-std=c++17"]
    shell(*standard, "-Wall", "-Wextra", "-Wshadow", "-Wconversion", "-Werror", f"-I{folder}",
          *[flag for flag in maker.flags("jansson") if flag.startswith("-I")], "-fsyntax-only", source)


# ---- consumers ----

def copied(name, folder):
    shutil.copytree(CONSUMERS / name, folder)
    return folder


def with_cmake(sdk, source, build, *args):
    shell("cmake", "-S", source, "-B", build, "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={sdk.prefix}",
          "-DCMAKE_C_FLAGS=-Wall -Wextra -Werror", "-DCMAKE_CXX_FLAGS=-Wall -Wextra -Werror", *args)
    shell("cmake", "--build", build)
    return build


def with_make(sdk, source):
    shell("make", "-C", source, env=sdk.env)
    return source


CALLS = {
    "c": ("word_count", {"text": "to be or not", "min_length": 3}, {"words": 1, "longest": "not"},
          {"text": "a\0b"}, "invalid_params", "/text"),
    "cpp": ("initials", {"name": "Ålborg von Ж", "mark": ";"}, {"initials": "Å;v;Ж;", "calls": 1},
            {"name": "  "}, "parse_error", "/name"),
    "pkgconfig": ("reverse_text", {"text": "añb€"}, {"text": "€bña"},
                  {"text": 5}, "invalid_params", "/text"),
    "subdirectory": ("count_lines", {"text": "a\n\nb"}, {"lines": 2},
                     {"text": ""}, "parse_error", "/text"),
    "rust": ("vowels", {"text": "Äpfel und Birnen"}, {"vowels": 4},
             {"text": ""}, "parse_error", "/text"),
}


@installs
@pytest.mark.parametrize("consumer", CALLS)
def test_consumer(sdk, llmspell, tmp_path, consumer):
    name, params, result, bad, code, path = CALLS[consumer]
    if (CONSUMERS / consumer / "Makefile").exists():  # make knows no blanks in names
        folder = with_make(sdk, copied(consumer, tmp_path / "tools"))
    else:
        source = copied(consumer, tmp_path / "my tools")
        folder = with_cmake(sdk, source, tmp_path / "my build", f"-DLLMSPELL_SOURCE={ROOT}")
    file = folder / f"{name}.so"
    names = shell("nm", "-D", "--defined-only", file).splitlines()
    assert [line.split()[-1] for line in names if " V " not in line and " W " not in line] == \
        ["llmspell_tool_v1"]
    check = run(llmspell, sdk, "plugin", "check", file)
    assert check.status == 0 and check.out.endswith("0 errors, 0 warnings\n"), check

    def call(*args):
        return run(llmspell, sdk, "--plugin-dir", folder, *args, "-o", "json",
                   env={"LLMSPELL_TOOLS_CHECK_RESULTS": "1"})
    listed, = [tool for tool in call("tool", "list").json if tool["name"] == name]
    assert listed["file"] == str(file)
    manifest = json.loads((CONSUMERS / consumer / f"{name}.json").read_text())
    info = call("tool", "info", name).json
    assert {key: info[key] for key in manifest} == manifest
    done = call("tool", "invoke", name, "--params", json.dumps(params))
    assert done.status == 0 and done.json["result"] == result, done
    done = call("tool", "invoke", name, "--params", json.dumps(bad))
    assert done.status == 1 and done.json["error"]["code"] == code, done
    assert done.json["error"]["path"] == path, done
    tests = call("tool", "test", name)
    assert tests.status == 0 and len(tests.json["tests"]) == len(manifest["examples"]), tests
    started = run(llmspell, sdk, "--plugin-dir", folder, "kernel", "start", "--daemon", "--id", "k")
    assert started.status == 0, started
    for _ in range(2):
        done = run(llmspell, sdk, "-k", "k", "tool", "invoke", name, "--params", json.dumps(params),
                   "-o", "json")
        assert done.status == 0, done
    assert done.json["result"] == {**result, **({"calls": 2} if "calls" in result else {})}
    assert run(llmspell, sdk, "kernel", "stop", "k").status == 0  # closes the tool


@installs
def test_a_protocol_outside_the_tree(sdk, llmspell, tmp_path):
    """tests/consumers/echo: lines over TCP, beside jupyter and alone; replaced while it serves."""
    source = copied("echo", tmp_path / "my protocol")
    folder = with_cmake(sdk, source, tmp_path / "my build")

    def changed(source):
        code = source / "echo.c"
        code.write_text(code.read_text().replace('"%s%.*s", echo->greeting, size, line)',
                                                 '"%s%.*s (2)\\n", echo->greeting, size - 1, line)'))
        return source

    file = folder / "echo.so"
    names = shell("nm", "-D", "--defined-only", file).splitlines()
    assert [line.split()[-1] for line in names] == ["llmspell_protocol_v1"]
    check = run(llmspell, sdk, "plugin", "check", file)
    assert check.status == 0 and check.out.endswith("0 errors, 0 warnings\n"), check
    options = ["--plugin-dir", folder, "--set", "protocol.echo.greeting=said: "]

    def start(protocols):
        started = run(llmspell, sdk, *options, "--set", f"kernel.protocol={protocols}", "kernel",
                      "start", "--daemon", "--id", "k")
        assert started.status == 0, started
        return json.loads((llmspell.home / "kernels" / "k.json").read_text())

    start("jupyter,echo")
    status = run(llmspell, sdk, "-o", "json", "kernel", "status").json
    jupyter, echo = status["protocols"]
    assert (jupyter["name"], jupyter["clients"]) == ("jupyter", 1)
    assert echo["name"] == "echo" and echo["clients"] == 0 and echo["file"] == str(file)
    client = Line(echo["port"])
    assert client.ask("good day") == "said: good day"
    assert run(llmspell, sdk, "-k", "k", "exec", "x = 5").status == 0
    new = with_cmake(sdk, changed(source), tmp_path / "new build") / "echo.so"
    os.replace(new, file)  # while the kernel runs
    outcome = run(llmspell, sdk, "-o", "json", "kernel", "reload", "k").json
    assert outcome["protocols"]["replaced"] == ["echo"], outcome
    assert client.read() == ""
    client.close()
    client = Line(echo["port"])
    assert client.ask("good day") == "said: good day (2)"
    assert run(llmspell, sdk, "-k", "k", "exec", "return x").out == "5\n"
    assert run(llmspell, sdk, "kernel", "stop", "k").status == 0
    assert client.read() == ""
    client.close()
    connection = start("echo")
    assert connection["protocol"] == "echo" and connection["ip"] == "127.0.0.1"
    done = run(llmspell, sdk, *options, "-k", "k", "exec", "return 1")
    assert done.status != 0 and "no connect half" in done.err, done
    client = Line(connection["port"])
    assert client.ask("again") == "said: again (2)"
    client.close()
    assert run(llmspell, sdk, "kernel", "stop", "k").status == 0


@installs
def test_a_changed_manifest_is_embedded_again(sdk, llmspell, tmp_path):
    """.incbin is in no dependency file: llmspell_add_tool() must name the manifest itself."""
    source = copied("c", tmp_path / "tools")
    build = with_cmake(sdk, source, tmp_path / "build")
    manifest = source / "word_count.json"
    manifest.write_text(manifest.read_text().replace('"version": "2.0.1"', '"version": "2.0.2"'))
    shell("cmake", "--build", build)
    info = run(llmspell, sdk, "plugin", "info", build / "word_count.so", "-o", "json").json
    assert info["version"] == "2.0.2"


@installs
@pytest.mark.parametrize("flags", [
    "-O2 -flto", "-Os -ffunction-sections -fdata-sections -Wl,--gc-sections", "-O0 -g",
    "-Wl,--icf=all -fuse-ld=gold",
], ids=["lto", "gc-sections", "debug", "gold"])
@pytest.mark.parametrize("strip", [False, True], ids=["whole", "stripped"])
def test_the_note_survives(sdk, llmspell, tmp_path, flags, strip):
    if "gold" in flags and not shutil.which("ld.gold"):
        pytest.skip("no ld.gold here")
    source = copied("c", tmp_path / "tools")
    build = tmp_path / "build"
    shell("cmake", "-S", source, "-B", build, "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={sdk.prefix}",
          f"-DCMAKE_C_FLAGS={flags}")
    shell("cmake", "--build", build)
    file = build / "word_count.so"
    if strip:
        shell("strip", "--strip-all", "--remove-section=.comment", file)
    done = run(llmspell, sdk, "--plugin-dir", build, "tool", "invoke", "word_count", "text=a b",
               "-o", "json")
    assert done.status == 0 and done.json["result"]["words"] == 2, done


@installs
def test_missing_function_is_found_when_linking(sdk, tmp_path):
    source = copied("c", tmp_path / "tools")
    code = source / "word_count.c"
    code.write_text(code.read_text().replace("count += size >= least;",
                                             "count += nobody_defines_this(size);")
                    .replace("#define BLANKS", "int nobody_defines_this(size_t);\n#define BLANKS"))
    shell("cmake", "-S", source, "-B", tmp_path / "b", "-G", "Ninja",
          f"-DCMAKE_PREFIX_PATH={sdk.prefix}")
    done = shell("cmake", "--build", tmp_path / "b", check=False)
    assert done.returncode != 0 and "undefined reference to `nobody_defines_this'" in done.stdout


@installs
@pytest.mark.parametrize("line,pattern", [
    ("llmspell_add_tool(word_count SOURCE word_count.c)",
     r"llmspell_add_tool\(word_count\): unknown argument\s+SOURCE"),
    ("llmspell_add_tool(other SOURCES word_count.c)", r"llmspell_add_tool\(other\): no manifest"),
    ("find_package(LlmspellSDK 99 REQUIRED)", r"version"),
])
def test_wrong_use_of_the_cmake_functions(sdk, tmp_path, line, pattern):
    source = copied("c", tmp_path / "tools")
    lists = source / "CMakeLists.txt"
    lists.write_text(lists.read_text().replace("llmspell_add_tool(word_count)", line))
    done = shell("cmake", "-S", source, "-B", tmp_path / "b", "-G", "Ninja",
                 f"-DCMAKE_PREFIX_PATH={sdk.prefix}", check=False)
    assert done.returncode != 0 and re.search(pattern, done.stdout), done.stdout
