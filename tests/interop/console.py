# SPDX-License-Identifier: Apache-2.0
"""`jupyter console` in a pseudo-terminal, as a person at a terminal sees it."""
import re

import pexpect

from frontend import NAME, PATIENCE

ESCAPES = re.compile(r"\x1b(\[[0-9;?]*[ -/]*[@-~]|\][^\x07]*\x07|[=>]|\([AB0])")


class Console:
    """At a kernel that runs already, or, without a connection file, at one that it starts."""

    def __init__(self, jupyter, connection_file=None):
        which = ["--existing", str(connection_file)] if connection_file else ["--kernel", NAME]
        self.child = pexpect.spawn("/usr/bin/jupyter", ["console", *which],
                                   env=jupyter.env, cwd=str(jupyter.llmspell.cwd), encoding="utf-8",
                                   timeout=PATIENCE, dimensions=(40, 120))
        self.child.delaybeforesend = None

    def expect(self, pattern):
        """Waits for a pattern in the text without escape sequences; returns that text."""
        seen = ""
        while not re.search(pattern, ESCAPES.sub("", seen)):
            try:
                seen += self.child.read_nonblocking(4096, PATIENCE)
            except (pexpect.TIMEOUT, pexpect.EOF):
                raise AssertionError(f"{pattern} never came: {ESCAPES.sub('', seen)!r}") from None
        return ESCAPES.sub("", seen)

    def type(self, line):
        self.child.send(line + "\r")

    def leave(self):
        self.child.sendeof()
        self.expect(r"exit|Exit|Shutting|keep")
        self.type("y")
        self.child.expect(pexpect.EOF)
        self.child.close()

    def keys(self, text):
        self.child.send(text)
