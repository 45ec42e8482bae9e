# SPDX-License-Identifier: Apache-2.0
"""A few starts and ends, and a race; tests/stress has the long runs."""
from cycles import race, run_cycles
from jupyter_session import llmspell  # noqa: F401 (a fixture)


def test_twenty_cycles(llmspell):
    run_cycles(llmspell, 20)


def test_fifty_starters_at_once(llmspell):
    race(llmspell, 50)
