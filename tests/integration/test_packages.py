# SPDX-License-Identifier: Apache-2.0
"""The Debian packages, taken apart: what is in which, and that a tool builds against them."""
import shutil

import pytest

from conftest import BUILD
from test_sdk import CONSUMERS, HEADERS, Installed, installs, run, shell, with_cmake, with_make

pytestmark = [installs, pytest.mark.skipif(not shutil.which("cpack") or not shutil.which("dpkg-deb"),
                                           reason="no cpack or dpkg-deb here")]


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """{name: file} of the packages, built from this build."""
    folder = tmp_path_factory.mktemp("deb")
    shell("cpack", "--config", BUILD / "CPackConfig.cmake", "-B", folder, cwd=folder)
    return {path.name.split("_")[0]: path for path in folder.glob("*.deb")}


@pytest.fixture(scope="module")
def unpacked(packages, tmp_path_factory):
    folder = tmp_path_factory.mktemp("root")
    for file in packages.values():
        shell("dpkg-deb", "-x", file, folder)
    return Installed(folder / "usr")


def names(file):
    return {line.split()[-1] for line in shell("dpkg-deb", "-c", file).splitlines()}


def field(file, name):
    return shell("dpkg-deb", "-f", file, name).strip()


def test_what_is_in_which(packages):
    assert packages.keys() == {"llmspell", "llmspell-plugins", "llmspell-dev"}
    assert "./usr/bin/llmspell" in names(packages["llmspell"])
    tools = {name for name in names(packages["llmspell-plugins"]) if name.endswith(".so")}
    built = {path.relative_to(BUILD / "lib") for path in (BUILD / "lib" / "llmspell").glob("*/*.so")}
    modules = {path for path in built if path.parent.name == "extensions"}
    assert tools == {f"./usr/lib/{path}" for path in built - modules} and len(tools) > 8
    assert {f"./usr/lib/{path}" for path in modules} <= set(names(packages["llmspell"])) and modules
    dev = names(packages["llmspell-dev"])
    assert {f"./usr/include/llmspell/{header}" for header in HEADERS} <= dev
    for end in ("LlmspellSDKConfig.cmake", "llmspell-sdk.pc", "manifest.schema.json",
                "templates/tool/my_tool.c"):
        assert any(name.endswith("/" + end) for name in dev), end
    everything = [name for file in packages.values() for name in names(file)
                  if not name.endswith("/")]
    assert len(everything) == len(set(everything)), "a file is in two packages"


def test_dependencies(packages):
    assert "libjansson4" in field(packages["llmspell"], "Depends")
    plugins = field(packages["llmspell-plugins"], "Depends")
    assert "libzmq5" in plugins and "llmspell (= " in plugins
    assert "libjansson-dev" in field(packages["llmspell-dev"], "Depends")
    for file in packages.values():
        assert field(file, "Description") and field(file, "Maintainer") and field(file, "Section")


def test_a_tool_builds_against_them(unpacked, llmspell, tmp_path):
    shutil.copytree(CONSUMERS / "c", tmp_path / "c")
    shutil.copytree(CONSUMERS / "pkgconfig", tmp_path / "make")
    folders = (with_cmake(unpacked, tmp_path / "c", tmp_path / "build"),
               with_make(unpacked, tmp_path / "make"))
    for folder in folders:
        file, = folder.glob("*.so")
        done = run(llmspell, unpacked, "plugin", "test", file)
        assert done.status == 0, done
    assert run(llmspell, unpacked, "exec", "return Tool.calculator{input='6*7'}.result").out == "42\n"
