# SPDX-License-Identifier: Apache-2.0
"""text_analyzer's distances against the plain definitions on random texts, and that long work can be
stopped."""
import json
import random

import pytest


def ask(llmspell, **params):
    done = llmspell.run("tool", "invoke", "text_analyzer", "--params", "-", "--output", "json",
                        input=json.dumps(params))
    assert done.json["status"] == "ok", done
    return done.json["result"]


def levenshtein(a, b):
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        corner, row[0] = row[0], i
        for k, y in enumerate(b, 1):
            corner, row[k] = row[k], min(row[k] + 1, row[k - 1] + 1, corner + (x != y))
    return row[-1]


def damerau(a, b):
    """Lowrance and Wagner: with the whole table."""
    far = len(a) + len(b)
    table = {(-1, -1): far}
    for i in range(len(a) + 1):
        table[i, -1], table[i, 0] = far, i
    for k in range(len(b) + 1):
        table[-1, k], table[0, k] = far, k
    last_row = {}
    for i, x in enumerate(a, 1):
        last_column = 0
        for k, y in enumerate(b, 1):
            row, column = last_row.get(y, 0), last_column
            if x == y:
                last_column = k
            table[i, k] = min(table[i - 1, k - 1] + (x != y), table[i, k - 1] + 1, table[i - 1, k] + 1,
                              table[row - 1, column - 1] + (i - row - 1) + 1 + (k - column - 1))
        last_row[x] = i
    return table[len(a), len(b)]


@pytest.mark.parametrize("method,plain", [("levenshtein", levenshtein), ("damerau", damerau)])
def test_distances(llmspell, method, plain):
    rng = random.Random(method)
    for _ in range(120):
        alphabet = rng.choice(["ab", "abcd", "aäb日😀"])
        a, b = ("".join(rng.choice(alphabet) for _ in range(rng.randrange(9))) for _ in range(2))
        result = ask(llmspell, operation="similarity", method=method, input=a, other=b)
        assert result["distance"] == plain(a, b), (a, b)
        longest = max(len(a), len(b))
        assert result["similarity"] == pytest.approx(1 - plain(a, b) / longest if longest else 1)


@pytest.mark.parametrize("params", [
    {"operation": "similarity", "method": "levenshtein", "other": "ba" * 30000},
    {"operation": "similarity", "method": "damerau", "other": "ba" * 30000},
    {"operation": "stats"},
], ids=lambda params: params.get("method", params["operation"]))
def test_long_work_is_stopped(llmspell, params):
    long = "abc" * 40000 if "method" in params else "Ein Wort, noch eins. " * 1500000
    (llmspell.cwd / "text").write_text(long)
    done = llmspell.run("--set", "tools.timeout=300ms", "tool", "invoke", "text_analyzer", "--output", "json",
                        "--params", "-", input=json.dumps({"path": "text", **params}))
    assert done.json["error"]["code"] == "timeout" and done.json["duration_ms"] < 2000, done


@pytest.mark.parametrize("end", ["\n", " "])
def test_texts_of_many_windows(llmspell, end):
    """ICU is given a long text piece by piece: that shows nowhere."""
    rng = random.Random(7)
    sentences = [" ".join("".join(rng.choices("abcdefgé", k=rng.choice((1, 4, 9, 70000))))
                          if rng.random() < .001 else rng.choice(("the", "naïve", "don't", "3.14"))
                          for _ in range(rng.randint(1, 40))).capitalize() + "."
                 for _ in range(20000)]
    (llmspell.cwd / "a.txt").write_text(end.join(sentences), encoding="utf-8")
    words = [word.rstrip(".") for s in sentences for word in s.split(" ")]
    stats = ask(llmspell, path="a.txt")
    assert stats["bytes"] > 1 << 20
    assert stats["words"] == len(words) and stats["sentences"] == len(sentences)
    assert stats["unique_words"] == len({word.casefold() for word in words})
    assert stats["characters"] == sum(map(len, sentences)) + len(sentences) - 1
    assert ask(llmspell, path="a.txt", operation="sentences")["sentences"] == sentences


def test_what_is_too_long_is_cut(llmspell):
    (llmspell.cwd / "a.txt").write_text("é" * (5 << 20), encoding="utf-8")
    stats = ask(llmspell, path="a.txt")
    assert stats["characters"] == 5 << 20 and stats["words"] == 5 and stats["sentences"] == 2
