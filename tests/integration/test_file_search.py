# SPDX-License-Identifier: Apache-2.0
"""file_search against others who know: regular expressions against Python's re, .gitignore against
git, the order of paths against sorting; and how fast a search lets itself be ended."""
import json
import os
import random
import re
import subprocess
import time

import pytest

from conftest import SLOW

ATOMS = ["a", "b", "[ab]", "[^a]", ".", r"\w", r"\s", r"\d", r"\W", r"\S", "c", "[a-c]", r"[^\s]", "ab", "bc",
         r"a\ ", "[]a]"]
ENDS = ["", "", "", "*", "+", "?", "{2}", "{1,3}", "*?", "+?"]
FRAMES = ["{}", "{}", "{}", "({})", "(?:{})", "^{}", "{}$", r"\b{}", r"{}\b", "(?={})", "(?!{})", "(?<!a){}"]


def invoke(llmspell, *options, **params):
    return llmspell.run("tool", "invoke", "file_search", "--params", "-", "--output", "json", *options,
                        input=json.dumps(params)).json


def random_pattern(random):
    parts = []
    for _ in range(random.randint(1, 4)):
        text = random.choice(ATOMS) + random.choice(ENDS)
        parts.append(random.choice(FRAMES).format(text))
    pattern = "".join(parts)
    return pattern if random.random() < 0.8 else pattern + "|" + random.choice(ATOMS)


def matches_of_line(pattern, line):
    """Python finds an empty match right behind another one and PCRE2 does the same; the tool shows
    an empty one only where a line has no other."""
    found = [(m.start() + 1, m.group()) for m in re.finditer(pattern, line)]
    full = [m for m in found if m[1]]
    return full or found[:1]


@pytest.mark.parametrize("seed", range(90))
def test_expressions_as_python_reads_them(llmspell, seed):
    dice = random.Random(seed)
    pattern = random_pattern(dice)
    files = {}
    for i in range(20):
        text = "".join(dice.choice("aabbc  1\n\n") for _ in range(dice.randint(0, 60)))
        files[f"f{i:02}"] = text
        (llmspell.cwd / f"f{i:02}").write_text(text)
    reply = invoke(llmspell, pattern=pattern, use_regex=True, limit=10000)
    assert reply["status"] == "ok", (pattern, reply)
    expected = []
    for name, text in files.items():
        lines = text.split("\n")
        if lines[-1] == "":
            lines.pop()
        for number, line in enumerate(lines, 1):
            expected += [(name, number, *m) for m in matches_of_line(pattern, line)]
    assert [(m["path"], m["line"], m["column"], m["match"])
            for m in reply["result"]["matches"]] == expected, pattern


def test_gitignore_as_git_reads_it(llmspell):
    dice = random.Random(5)
    rules = ["*.o", "!a.o", "/b.c", "d/", "d/e", "**/x/*.c", "x/**", "!x/k.c", "?.h", "[a-c].txt", "",
             "# x", "e/**/f", "*", "!*/", "!*.c", "\\!a", "a b ", "[!a].md", "/d/*.h"]
    names = ["a.o", "b.c", "k.c", "a.h", "bb.h", "b.txt", "d.txt", "a.md", "b.md", "!a", "a b", "f"]
    for round in range(12):
        top = llmspell.cwd / f"r{round}"
        folders = ["", "d", "x", "d/e", "e/d/f", "d/x", "x/e"]
        for folder in folders:
            (top / folder).mkdir(parents=True, exist_ok=True)
            for name in names:
                path = top / folder / name
                if not path.exists():
                    path.write_text("")
        for folder in ["", "d", "x"]:
            (top / folder / ".gitignore").write_text(
                "\n".join(dice.sample(rules, dice.randint(1, 5))) + "\n")
        subprocess.run(["git", "init", "-q", top], check=True)
        git = subprocess.run(["git", "-C", top, "-c", "core.excludesFile=/dev/null", "ls-files", "-z",
                              "--others", "--exclude-standard"], check=True, capture_output=True)
        expected = sorted(name for name in git.stdout.split(b"\0") if name)
        reply = invoke(llmspell, operation="find", path=f"r{round}", gitignore=True, hidden=True, limit=10000)
        found = [f["path"].split("/", 1)[1].encode() for f in reply["result"]["files"]]
        assert found == expected, (round, [(top / f / ".gitignore").read_text() for f in ("", "d", "x")])


def test_order_of_paths(llmspell):
    dice = random.Random(3)
    for _ in range(200):
        parts = ["".join(dice.choice("aA-.z0é") for _ in range(dice.randint(1, 3))) for _ in range(3)]
        folder = llmspell.cwd.joinpath(*[("x" + p) for p in parts[:dice.randint(0, 2)]])
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ("f" + parts[2])).write_text("")
    reply = invoke(llmspell, operation="find", type="any", limit=10000)
    paths = [f["path"] for f in reply["result"]["files"]]
    expected = [str(p.relative_to(llmspell.cwd)) for p in llmspell.cwd.rglob("*")]
    assert paths == sorted(expected, key=str.encode)


def test_names_that_are_no_utf8(llmspell):
    open(bytes(llmspell.cwd) + b"/a\xff.txt", "w").write("x\n")
    reply = invoke(llmspell, pattern="x", glob="a?.txt")
    assert reply["result"]["matches"][0]["path"] == "a\ufffd.txt"


def test_special_files_do_not_block(llmspell):
    os.mkfifo(llmspell.cwd / "fifo")
    (llmspell.cwd / "a").write_text("x\n")
    assert invoke(llmspell, pattern="x", follow_links=True)["result"]["summary"]["total_matches"] == 1
    kinds = invoke(llmspell, operation="find", type="any")["result"]["files"]
    assert [(f["path"], f["type"]) for f in kinds] == [("a", "file"), ("fifo", "other")]
    error = invoke(llmspell, operation="find", path="fifo")["error"]
    assert (error["code"], error["path"]) == ("invalid_params", "/path")


def test_matches_over_the_pieces(llmspell):
    """Files are searched in pieces of 8, 64 and 256 KiB; nothing is lost or counted twice between."""
    lines = [f"line {i} needle{i % 7} \u00e9" if i % 3 else f"line {i} needle{i % 7}" for i in range(120000)]
    (llmspell.cwd / "u").write_text("\n".join(lines))
    (llmspell.cwd / "c").write_bytes("\r\n".join(lines).encode("ascii", "ignore"))
    wanted = sum("needle3" in line for line in lines)
    for params in ({"pattern": "needle3"}, {"pattern": "needle3", "whole_word": True},
                   {"pattern": "ne+dle3", "use_regex": True}, {"pattern": r"^line\s+\d+ (n|N)eedle3\b", "use_regex": True},
                   {"pattern": "(?<=needle)3", "use_regex": True}, {"pattern": "NEEDLE3", "case_sensitive": False},
                   {"pattern": r"(?>needle)3(?!\d)", "use_regex": True}):
        reply = invoke(llmspell, count_only=True, **params)
        assert reply["result"]["summary"]["total_matches"] == 2 * wanted, params
    last = invoke(llmspell, pattern="line 119999 ", path="u")["result"]["matches"][0]
    assert (last["line"], last["column"]) == (120000, 1)


LONG = {  # a pattern, and a text that makes it take long
    "cubic in one line of 4 MB": (".*.*=.*", lambda: "x" * 4000000 + "\r="),
    "alternatives": ("(x|y)*z", lambda: ("xy" * 500 + "#z\n") * 4000),
    "quadratic in one line of 9 MB": ("[^=]*[=][x]", lambda: "x" * 9000000 + "=y x"),
    "quadratic, with lookaround": ("(?<!y)[^=]*=(?=x)", lambda: "x" * 9000000 + "=y x"),
    "line by line": (r"(?>y)y.*.*.*=z", lambda: ("y" * 3000 + "#z=\n") * 3000),
}


@pytest.mark.parametrize("name", LONG)
def test_ends_soon_when_its_time_is_over(llmspell, name):
    pattern, text = LONG[name]
    (llmspell.cwd / "a").write_text(text())
    start = time.monotonic()
    reply = invoke(llmspell, "--timeout", "1", pattern=pattern, use_regex=True)
    took = time.monotonic() - start
    assert reply["status"] == "error", reply
    assert reply["error"]["code"] in ("timeout", "limit_exceeded"), reply
    assert took < 2.5 * SLOW, (took, reply)


def test_much_output_is_cut(llmspell):
    (llmspell.cwd / "a").write_text(("x" * 1900 + "\n") * 5000)
    reply = invoke(llmspell, pattern=r"^x", use_regex=True, limit=10000, context_lines=50)
    result = reply["result"]
    assert result["truncated"] and result["summary"]["total_matches"] == 5000
    assert 50 < len(result["matches"]) < 200
