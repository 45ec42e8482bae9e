#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the example notebooks, docs/examples/*.ipynb. test_examples.py compares; as a program
(`make notebooks`: examples.py BUILD) it keeps the outputs that the kernel of this build gives."""
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

EXAMPLES = sorted((Path(__file__).resolve().parents[2] / "docs" / "examples").glob("*.ipynb"))
NAME = "llmspell-lua"
VOLATILE = [(re.compile(pattern), word) for pattern, word in (
    (r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "UUID"),
    (r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", "TIME"),
    (r"\b(duration_ms)( = |\": )[\d.]+", r"\1\2N"))]
TEXTS = ("text/plain", "text/html", "text/markdown", "text/latex", "image/svg+xml")


def run(file, folder):
    """The notebook, executed in a folder of its own; environment: that of this process."""
    book = nbformat.read(file, as_version=4)
    client = NotebookClient(book, kernel_name=NAME, timeout=120, record_timing=False,
                            resources={"metadata": {"path": str(folder)}})
    client.execute()
    return book


def plain(text):
    for pattern, word in VOLATILE:
        text = pattern.sub(word, text)
    return text


def texts(cell):
    """What a reader sees of a cell's outputs."""
    seen = []
    for output in cell.outputs:
        if output.output_type == "stream":
            seen.append((output.name, plain(output.text)))
        elif output.output_type == "error":
            seen.append((output.ename, plain("\n".join([output.evalue, *output.traceback]))))
        else:
            seen.append((output.output_type, sorted(output.data),
                         [plain(output.data[kind]) for kind in TEXTS if kind in output.data]))
    return seen


def varies(cell):
    """Cells with this tag show what differs from run to run; their outputs are not compared."""
    return "varies" in cell.metadata.get("tags", [])


def tidy(book):
    """Without times and states of widgets; what one stream said in pieces is one output."""
    book.metadata.pop("widgets", None)
    for cell in book.cells:
        cell.metadata.pop("execution", None)
        outputs = []
        for output in cell.get("outputs", []):
            if (outputs and output.output_type == outputs[-1].output_type == "stream"
                    and output.name == outputs[-1].name):
                outputs[-1].text += output.text
            else:
                outputs.append(output)
        if "outputs" in cell:
            cell.outputs = outputs
    return book


def keep(old, new):
    """What reads as before stays as it was, so that a difference shows only what has changed."""
    for before, after in zip(old.cells, new.cells):
        if "outputs" in after and same(before, after):
            after.outputs = before.outputs
            for output in after.outputs:
                if "execution_count" in output:
                    output.execution_count = after.execution_count
    return new


def same(kept, new):
    """Whether a cell gave again what is kept of it."""
    if varies(new):
        return [o.output_type for o in kept.outputs] == [o.output_type for o in new.outputs]
    return texts(kept) == texts(new)


def main(build):
    binary = Path(build).resolve() / "bin" / "llmspell"
    with tempfile.TemporaryDirectory() as folder:
        for name in ("LLMSPELL_HOME", "HOME", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR",
                     "JUPYTER_CONFIG_DIR", "IPYTHONDIR"):
            os.environ[name] = os.path.join(folder, name.lower())
        subprocess.run([binary, "-q", "kernel", "install", "--user"], check=True)
        for file in EXAMPLES:
            place = Path(folder) / file.stem
            place.mkdir()
            book = keep(nbformat.read(file, as_version=4), tidy(run(file, place)))
            nbformat.write(book, file)
            print(file)


if __name__ == "__main__":
    main(*sys.argv[1:])
