# SPDX-License-Identifier: Apache-2.0
"""random_generator where its cases.json cannot reach: what is not seeded is spread evenly and never
comes twice; the list of words."""
import json
import re
from collections import Counter

import pytest

from conftest import ROOT


def values(llmspell, **params):
    return llmspell.json("tool", "invoke", "random_generator",
                         *[f"{key}={value}" for key, value in params.items()])["result"]["values"]


def chi_square(found, expected):
    return sum((n - expected) ** 2 / expected for n in found)


def test_integers_are_spread_evenly(llmspell):
    found = Counter(values(llmspell, min=1, max=10, count=10000))
    assert set(found) == set(range(1, 11))
    assert chi_square(found.values(), 1000) < 50  # 9 degrees of freedom: p = 1e-7


def test_floats_are_spread_evenly(llmspell):
    found = values(llmspell, operation="float", count=10000)
    assert all(0 <= value < 1 for value in found)
    assert chi_square(Counter(int(value * 10) for value in found).values(), 1000) < 50


def test_weights(llmspell):
    found = Counter(values(llmspell, operation="choice", items='["a","b"]', weights="[1,3]", count=10000))
    assert 2200 < found["a"] < 2800


def test_the_characters_of_passwords(llmspell):
    found = Counter("".join(values(llmspell, operation="password", length=8, count=10000)))
    assert len(found) == 26 + 26 + 10 + 28
    digits = sum(found[c] for c in "0123456789")
    assert 12000 < digits < 18000  # more than 10/90: each password holds one
    assert chi_square([found[c] for c in "0123456789"], digits / 10) < 50


def test_nothing_comes_twice(llmspell):
    for operation in ("bytes", "password", "passphrase"):
        found = values(llmspell, operation=operation, count=2000)
        assert len(set(found)) == 2000
    assert values(llmspell, operation="bytes") != values(llmspell, operation="bytes")


def test_a_seed_is_the_same_in_each_process(llmspell):
    assert values(llmspell, operation="string", seed=99, count=50) == \
        values(llmspell, operation="string", seed=99, count=50)


def test_words():
    source = (ROOT / "plugins/tools/random_generator/words.c").read_text()
    words = re.findall(r'"([^"]+)",?', source.split("{", 1)[1])
    assert len(words) == 2048 and words == sorted(set(words))
    assert all(re.fullmatch("[a-z]{4,7}", word) for word in words)
    assert not any(b.startswith(a) for a, b in zip(words, words[1:]))


@pytest.mark.parametrize("isolation", ["auto", "process"])
def test_a_result_of_9_gb_is_told_as_too_large(llmspell, isolation):
    params = {"operation": "choice", "items": ["x" * 900000], "count": 10000}
    error = llmspell.run("tool", "invoke", "random_generator", "--params", "-", "--output", "json",
                         input=json.dumps(params),
                         env={"LLMSPELL_TOOLS_ISOLATION": isolation}).json["error"]
    assert error["code"] == "limit_exceeded", error
