# SPDX-License-Identifier: Apache-2.0
"""What the tests of real front ends share: Jupyter's folders within this process, for clients that
are Python libraries, and kernels that must be gone at the end."""
import os
import select
import time
from contextlib import contextmanager
from pathlib import Path

from conftest import SLOW, Jupyter, Llmspell

PATIENCE = 60 * SLOW
NAME = "llmspell-lua"


def wait_until(true, what, patience=PATIENCE):
    """Looks until true() is; returns what it gave."""
    end = time.monotonic() + patience
    while not (value := true()):
        assert time.monotonic() < end, f"never: {what() if callable(what) else what}"
        select.select([], [], [], 0.02)
    return value


@contextmanager
def in_this_process(jupyter):
    """This process sees the folders and kernelspecs of the test."""
    before = dict(os.environ)
    os.environ.update(jupyter.env)
    try:
        yield jupyter
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def whole_module(folder):
    """The same for fixtures that live longer than a test. No kernel may be left at the end."""
    llmspell = Llmspell(folder)
    jupyter = Jupyter(llmspell)
    jupyter.installed = llmspell.json("kernel", "install", "--user", env=jupyter.env)
    with in_this_process(jupyter):
        yield jupyter
    assert jupyter.kernels() == [], "a kernel lives on"


def process_end(pid):
    """Call it later: whether this very process has ended, waiting for it."""
    descriptor = os.pidfd_open(pid)

    def ended(patience=PATIENCE):
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        try:
            return bool(poll.poll(patience * 1000))
        finally:
            os.close(descriptor)

    return ended


def spec_file(jupyter):
    return Path(jupyter.installed["file"])
