# SPDX-License-Identifier: Apache-2.0
"""`jupyter console` asks for the last thousand inputs when it starts: the arrow up shows those of
earlier sessions, of kernels that are gone."""
import json

from console import Console

UP = "\x1b[A"


def test_arrow_up_shows_the_session_before(llmspell, jupyter):
    for number in (1, 2):
        started = llmspell.start(id="test")
        console = Console(jupyter, started["connection_file"])
        try:
            console.expect(r"In \[1\]:")
            if number == 1:
                console.type("answer_of_the_first = 6 * 7")
                console.expect(r"In \[2\]:")
                console.type("'the ' .. 'last one'")
                console.expect(r"Out\[2\]:[\s\S]*In \[3\]:")
            else:
                console.child.send(UP)
                console.expect(r"last one'")
                console.child.send(UP)
                console.expect(r"answer_of_the_first = 6 \* 7")
                console.child.send("\r")
                console.expect(r"In \[2\]:")
        finally:
            console.child.close(force=True)
        assert llmspell.run("kernel", "stop", "test").status == 0
    rows = [json.loads(line) for line in (llmspell.home / "history/lua.jsonl").open()]
    assert [(row["session"], row["line"], row["input"], row.get("output")) for row in rows] == [
        (1, 1, "answer_of_the_first = 6 * 7", None), (1, 2, "'the ' .. 'last one'", "the last one"),
        (2, 1, "answer_of_the_first = 6 * 7", None)]
