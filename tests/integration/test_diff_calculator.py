# SPDX-License-Identifier: Apache-2.0
"""diff_calculator against GNU diff on random texts: the number of changed lines is the least one,
the output is well-formed for both programs, and apply_text undoes what text did."""
import json
import random
import subprocess

import pytest


def ask(llmspell, **params):
    done = llmspell.run("tool", "invoke", "diff_calculator", "--params", "-", "--output", "json",
                        input=json.dumps(params))
    assert done.json["status"] == "ok", done
    return done.json["result"]


def random_text(rng, lines, alphabet):
    text = "".join(rng.choice(alphabet) + "\n" for _ in range(rng.randrange(lines)))
    return text[:-1] if text and rng.random() < 0.2 else text


def edited(rng, text, alphabet):
    lines = text.splitlines(keepends=True)
    for _ in range(rng.randrange(6)):
        at = rng.randrange(len(lines) + 1)
        lines[at:at + rng.randrange(3)] = [rng.choice(alphabet) + "\n" for _ in range(rng.randrange(3))]
    joined = "".join(line if line.endswith("\n") else line + "\n" for line in lines)
    return joined[:-1] if joined and rng.random() < 0.2 else joined


def pair(seed):
    rng = random.Random(seed)
    alphabet = rng.choice(["ab", "abc", [f"line {i}" for i in range(30)]])
    old = random_text(rng, rng.choice([4, 12, 60]), alphabet)
    new = random_text(rng, 12, alphabet) if rng.random() < 0.3 else edited(rng, old, alphabet)
    return old, new, rng.choice([0, 1, 3])


def gnu(folder, old, new, *options):
    (folder / "old").write_text(old)
    (folder / "new").write_text(new)
    return subprocess.run(["diff", *options, "--label", "old", "--label", "new", "old", "new"],
                          cwd=folder, capture_output=True, text=True).stdout


def changed(diff):
    return sum(line[:1] in "+-" for line in diff.splitlines()[2:] if line)


@pytest.mark.parametrize("seed", range(40))
def test_as_gnu_diff_has_it(llmspell, tmp_path, seed):
    for turn in range(4):
        old, new, context = pair(seed * 10 + turn)
        result = ask(llmspell, old_text=old, new_text=new, context_lines=context)
        theirs = gnu(tmp_path, old, new, "--minimal", f"-U{context}")
        assert changed(result["diff"]) == changed(theirs), (old, new)
        assert result["stats"]["added"] + result["stats"]["removed"] == changed(theirs)
        applied = ask(llmspell, operation="apply_text", input=old, patch=result["diff"])
        assert applied["output"] == new and applied["hunks_applied"] == result["stats"]["hunks"]
        assert ask(llmspell, operation="apply_text", input=old, patch=theirs)["output"] == new


@pytest.mark.parametrize("seed", range(20))
def test_where_there_is_one_answer_only(llmspell, tmp_path, seed):
    """Lines that are all different: both programs must say the same, byte for byte."""
    rng = random.Random(seed)
    old = [f"line {i}\n" for i in range(40)]
    new = [line for line in old if rng.random() > 0.1]
    for at in sorted(rng.sample(range(len(new)), 5), reverse=True):
        new.insert(at, f"new {at}\n")
    a, b = "".join(old), "".join(new)
    for name, options in {"unified": ["-u"], "context": ["-c"]}.items():
        assert ask(llmspell, old_text=a, new_text=b, format=name)["diff"] == gnu(tmp_path, a, b, *options)


def test_a_call_that_takes_long_is_stopped(llmspell):
    """Two texts that have hardly more than the set of their lines in common."""
    rng = random.Random(1)
    sides = ["".join(rng.choice("abcdefgh") + "\n" for _ in range(190000)) for _ in range(2)]
    (llmspell.cwd / "old").write_text(sides[0])
    (llmspell.cwd / "new").write_text(sides[1])
    done = llmspell.run("--set", "tools.timeout=300ms", "tool", "invoke", "diff_calculator", "--output", "json",
                        "--params", json.dumps({"old_path": "old", "new_path": "new"}))
    assert done.json["error"]["code"] == "timeout" and done.json["duration_ms"] < 2000, done
