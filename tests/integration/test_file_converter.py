# SPDX-License-Identifier: Apache-2.0
"""file_converter: the bytes that it writes, against Python's codecs and str.expandtabs; modes, times
and leftovers, which cases.json cannot see."""
import json
import os
import stat

import pytest

TEXT = "Grüße aus Köln:\n\tnaïve Café\n    „déjà vu“ – 5 €\n"


def convert(llmspell, **params):
    return llmspell.run("tool", "invoke", "file_converter", "--params", "-", "--output", "json",
                        input=json.dumps(params)).json


def write(llmspell, data, name="a"):
    path = llmspell.cwd / name
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("name", ["utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "cp1252",
                                  "iso8859-15", "mac-roman"])
def test_there_and_back(llmspell, name):
    names = {"cp1252": "windows-1252", "iso8859-15": "ISO-8859-15", "mac-roman": "MACINTOSH"}
    text = TEXT.replace("„", "«").replace("“", "»").replace("–", "-")
    path = write(llmspell, text.encode())
    there = convert(llmspell, operation="encoding", path="a", target_path="b",
                    to_encoding=names.get(name, name))
    assert there["status"] == "ok", there
    assert (llmspell.cwd / "b").read_bytes() == text.encode(name)
    convert(llmspell, operation="encoding", path="b", target_path="c",
            from_encoding=names.get(name, name))
    assert (llmspell.cwd / "c").read_bytes() == text.encode() == path.read_bytes()


def test_long_text_over_slices(llmspell):
    """Characters lie across the borders of the slices that iconv is fed."""
    text = "x" + "é€世\n" * 150000
    write(llmspell, text.encode())
    assert convert(llmspell, operation="encoding", path="a", to_encoding="UTF-16LE")["status"] == "ok"
    assert (llmspell.cwd / "a").read_bytes() == text.encode("utf-16-le")
    back = convert(llmspell, operation="encoding", path="a", from_encoding="UTF-16LE")
    assert back["result"]["changes"] == 150000
    assert (llmspell.cwd / "a").read_bytes() == text.encode()


def test_replaced_and_transliterated(llmspell):
    write(llmspell, "é€“世\n".encode())
    convert(llmspell, operation="encoding", path="a", target_path="r", to_encoding="ascii",
            on_error="replace")
    convert(llmspell, operation="encoding", path="a", target_path="t", to_encoding="ascii",
            on_error="translit")
    assert (llmspell.cwd / "r").read_bytes() == b"????\n"
    assert (llmspell.cwd / "t").read_bytes() == b'eEUR"?\n'
    write(llmspell, b"a\xff\xfeb\xe2\x82", "bad")
    convert(llmspell, operation="encoding", path="bad", from_encoding="utf8", on_error="replace")
    assert (llmspell.cwd / "bad").read_text("utf-8") == "a\ufffd\ufffdb\ufffd"


def test_the_message_names_the_character(llmspell):
    write(llmspell, "1\n2é€\n".encode())
    error = convert(llmspell, operation="encoding", path="a", to_encoding="latin1")["error"]
    assert "U+20AC at offset 4 (line 2)" in error["message"]


@pytest.mark.parametrize("size", [1, 2, 3, 4, 8, 16])
def test_tabs_expand_as_python_does(llmspell, size):
    lines = ["\ta\tb", " \t \tc", "   \td\t", "\t\te", "    f", "\t", ""]
    write(llmspell, "\n".join(lines).encode())
    convert(llmspell, operation="indentation", path="a", tab_size=size)
    body = [line.lstrip(" \t") for line in lines]
    lead = [line[:len(line) - len(rest)].expandtabs(size) for line, rest in zip(lines, body)]
    assert (llmspell.cwd / "a").read_text() == "\n".join(a + b for a, b in zip(lead, body))
    convert(llmspell, operation="indentation", path="a", tab_size=size, convert_to_spaces=False)
    tabs = ["\t" * (len(a) // size) + " " * (len(a) % size) for a in lead]
    assert (llmspell.cwd / "a").read_text() == "\n".join(a + b for a, b in zip(tabs, body))


@pytest.mark.parametrize("ending,text", [("lf", "\n"), ("crlf", "\r\n"), ("cr", "\r")])
def test_line_ends(llmspell, ending, text):
    write(llmspell, b"a\nb\r\nc\rd\r\r\ne")
    convert(llmspell, operation="line_endings", path="a", line_ending=ending)
    assert (llmspell.cwd / "a").read_bytes() == text.join(["a", "b", "c", "d", "", "e"]).encode()


def test_trim(llmspell):
    write(llmspell, "\ufeff  a \t\r\n\u00a0\r\n b\r\n \r\n\r\n".encode())
    convert(llmspell, operation="trim", path="a")
    assert (llmspell.cwd / "a").read_bytes() == "\ufeff  a\r\n\u00a0\r\n b\r\n".encode()


def test_mode_time_and_leftovers(llmspell):
    path = write(llmspell, b"a\r\n")
    path.chmod(0o640)
    os.utime(path, (1000000000, 1000000000))
    convert(llmspell, operation="line_endings", path="a")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    backup = llmspell.cwd / "a.backup"
    assert stat.S_IMODE(backup.stat().st_mode) == 0o640
    assert backup.stat().st_mtime == 1000000000 and backup.read_bytes() == b"a\r\n"
    assert path.stat().st_mtime != 1000000000
    before = path.stat()
    assert convert(llmspell, operation="line_endings", path="a")["result"]["changed"] is False
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert sorted(os.listdir(llmspell.cwd)) == ["a", "a.backup"]


def test_a_link_stays_a_link(llmspell):
    (llmspell.cwd / "d").mkdir()
    target = write(llmspell, b"a\r\n", "d/f")
    (llmspell.cwd / "l").symlink_to("d/f")
    convert(llmspell, operation="line_endings", path="l")
    assert os.readlink(llmspell.cwd / "l") == "d/f" and target.read_bytes() == b"a\n"
    assert (llmspell.cwd / "l.backup").read_bytes() == b"a\r\n"


def test_too_large(llmspell):
    with open(llmspell.cwd / "big", "wb") as file:
        file.truncate((50 << 20) + 1)
    error = convert(llmspell, path="big")["error"]
    assert (error["code"], error["path"]) == ("limit_exceeded", "/path")


def test_fifty_megabytes(llmspell):
    """The largest file there can be, in the most memory that it can take."""
    line = "é" * 31 + "\n"
    count = (50 << 20) // len(line)
    (llmspell.cwd / "a").write_bytes(line.encode("latin1") * count)
    done = convert(llmspell, operation="encoding", path="a", from_encoding="latin1",
                   to_encoding="UTF-32LE", backup=False)
    assert done["status"] == "ok", done
    assert done["result"]["bytes"] == 4 * len(line) * count
