# SPDX-License-Identifier: Apache-2.0
"""The kernelspec that `kernel install` writes: its files, and that its argv starts a kernel from
anywhere, as a Jupyter server does it."""
import json
import os
import struct
import subprocess
import sys
import zlib

import pytest
from jupyter_client import KernelManager
from jupyter_client.kernelspec import KernelSpecManager

from conftest import ROOT
from jupyter_session import PATIENCE, llmspell  # noqa: F401 (fixture)

LOGOS = {"logo-32x32.png": 32, "logo-64x64.png": 64}
SOURCE = ROOT / "conf" / "kernelspec"


def install(llmspell, *args):
    done = llmspell.run("kernel", "install", "--output", "json", *args)
    assert done.status == 0, done
    return done.json


def folder_of(llmspell, name="llmspell-lua"):
    return llmspell.cwd.parent / "jupyter" / "kernels" / name


def pixels(data):
    """(width, height, bytes of the rows) of a PNG with RGBA; checks every chunk."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, packed = 8, b""
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + size]
        assert struct.unpack(">I", data[at + 8 + size:at + 12 + size])[0] == zlib.crc32(kind + body)
        if kind == b"IHDR":
            width, height, depth, color = struct.unpack(">IIBB", body[:10])
            assert (depth, color) == (8, 6)
        packed += body if kind == b"IDAT" else b""
        at += size + 12
    return width, height, zlib.decompress(packed)


def test_its_files(llmspell):
    done = install(llmspell)
    folder = folder_of(llmspell)
    assert done["file"] == str(folder / "kernel.json")
    assert sorted(os.listdir(folder)) == ["kernel.json", *sorted(LOGOS), "logo-svg.svg"]
    for name in os.listdir(folder):
        assert (folder / name).stat().st_mode & 0o777 == 0o644
    for name, size in LOGOS.items():
        assert pixels((folder / name).read_bytes())[:2] == (size, size)
        assert (folder / name).stat().st_size < 3000
    assert (folder / "logo-svg.svg").read_bytes() == (SOURCE / "logo-svg.svg").read_bytes()


def test_jupyter_accepts_it(llmspell):
    """The rules of JupyterLab's validator: three texts, and what may be there besides."""
    install(llmspell)
    folder = folder_of(llmspell)
    manager = KernelSpecManager(kernel_dirs=[str(folder.parent)], ensure_native_kernel=False)
    assert manager.find_kernel_specs() == {"llmspell-lua": str(folder)}
    spec = manager.get_kernel_spec("llmspell-lua")
    assert spec.language == "lua" and spec.interrupt_mode == "message" and spec.display_name
    assert spec.metadata["debugger"] is True
    written = json.loads((folder / "kernel.json").read_text())
    assert all(isinstance(written[key], str) for key in ("display_name", "language"))
    assert all(isinstance(word, str) for word in written["argv"])
    assert all(name.startswith("logo-") or name == "kernel.json" for name in os.listdir(folder))


def test_the_logos_are_made_by_their_script(tmp_path):
    subprocess.run([sys.executable, ROOT / "tools" / "make_logos.py", tmp_path], check=True)
    assert (tmp_path / "logo-svg.svg").read_text() == (SOURCE / "logo-svg.svg").read_text()
    for name in LOGOS:
        assert pixels((tmp_path / name).read_bytes()) == pixels((SOURCE / name).read_bytes())


@pytest.mark.parametrize("path", [None, "", "/nonexistent"])
def test_it_starts_from_anywhere(llmspell, path, tmp_path):
    """Whatever the working directory and PATH are."""
    install(llmspell)
    elsewhere = tmp_path / "else where"
    elsewhere.mkdir()
    env = {key: value for key, value in llmspell.env.items() if key != "PATH"}
    if path is not None:
        env["PATH"] = path
    manager = KernelManager(kernel_name="llmspell-lua", transport="tcp",
                            connection_file=str(tmp_path / "connection.json"))
    manager.kernel_spec_manager = KernelSpecManager(kernel_dirs=[str(folder_of(llmspell).parent)],
                                                    ensure_native_kernel=False)
    manager.start_kernel(env=env, cwd=str(elsewhere))
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=PATIENCE)
        reply = client.execute_interactive("x = io.open('made.txt', 'w'):close()", timeout=PATIENCE)
        assert reply["content"]["status"] == "ok" and (elsewhere / "made.txt").exists()
        reply = client.execute_interactive("while true do end", timeout=PATIENCE,
                                           output_hook=lambda m: interrupt(manager, m))
        assert reply["content"]["ename"] == "KeyboardInterrupt"
    finally:
        client.stop_channels()
        manager.shutdown_kernel()


def interrupt(manager, message):
    if message["msg_type"] == "execute_input":
        manager.interrupt_kernel()


def test_anothers_kernelspec_is_not_overwritten(llmspell):
    folder = folder_of(llmspell, "python3")
    folder.mkdir(parents=True)
    foreign = json.dumps({"argv": ["/usr/bin/python3", "-m", "ipykernel_launcher"],
                          "display_name": "Python 3", "language": "python"})
    (folder / "kernel.json").write_text(foreign)
    done = llmspell.run("kernel", "install", "--name", "python3")
    assert done.status == 1 and "--replace" in done.err and str(folder) in done.err, done
    assert (folder / "kernel.json").read_text() == foreign and os.listdir(folder) == ["kernel.json"]
    install(llmspell, "--name", "python3", "--replace")
    install(llmspell, "--name", "python3", "--display-name", "Again")  # ours by now
    assert json.loads((folder / "kernel.json").read_text())["display_name"] == "Again"


@pytest.mark.parametrize("name", ["", ".", "..", ".hidden", "a/b", "a b", "ä"])
def test_names_that_are_refused(llmspell, name):
    done = llmspell.run("kernel", "install", "--name", name)
    assert done.status == 2 and "--name" in done.err, done
    assert not folder_of(llmspell).parent.exists()


def test_a_folder_that_cannot_be_made(llmspell):
    (llmspell.cwd / "file").write_text("")
    done = llmspell.run("kernel", "install", "--prefix", llmspell.cwd / "file")
    assert done.status == 1 and str(llmspell.cwd / "file") in done.err, done
