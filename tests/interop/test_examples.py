# SPDX-License-Identifier: Apache-2.0
"""The example notebooks: `jupyter nbconvert --execute` gives the outputs that they are kept with.
After an intended change, tests/interop/examples.py BUILD writes them anew."""
import shutil
import subprocess

import nbformat
import pytest

from conftest import BUILD
from examples import EXAMPLES, same, texts, tidy
from frontend import whole_module

CELLS = {file.stem: nbformat.read(file, as_version=4).cells for file in EXAMPLES}


def code_cells(cells):
    return [cell for cell in cells if cell.cell_type == "code"]


def test_the_notebooks_are_whole():
    """Run from top to bottom, and outputs are kept."""
    assert {"tools", "displays", "files", "debugging", "widgets"} <= CELLS.keys()
    for name, cells in CELLS.items():
        assert cells[0].cell_type == "markdown" and cells[0].source.startswith("# "), name
        counts = [cell.execution_count for cell in code_cells(cells)]
        assert counts == list(range(1, len(counts) + 1)), name
        assert sum(bool(cell.outputs) for cell in code_cells(cells)) >= 8, name


@pytest.fixture(scope="module")
def converted(tmp_path_factory):
    """The folder with all notebooks, executed by one nbconvert; what it left beside them."""
    with whole_module(tmp_path_factory.mktemp("examples")) as jupyter:
        folder = jupyter.llmspell.cwd
        for file in EXAMPLES:
            shutil.copy(file, folder)
        done = jupyter.run("nbconvert", "--execute", "--to", "notebook", "--output-dir",
                           folder / "done", *(file.name for file in EXAMPLES))
        assert done.returncode == 0, done.stderr
        yield folder


@pytest.mark.parametrize("name", CELLS)
def test_example(converted, name):
    again = tidy(nbformat.read(converted / "done" / f"{name}.ipynb", as_version=4)).cells
    for kept, new in zip(code_cells(CELLS[name]), code_cells(again), strict=True):
        assert kept.source == new.source
        assert same(kept, new), (kept.source, texts(kept), texts(new))


def test_examples_leave_nothing(converted):
    assert {path.name for path in converted.iterdir()} == {"done", *(f.name for f in EXAMPLES)}


def test_pictures_and_tables_are_kept():
    """For readers without Jupyter: they are in the file."""
    kinds = {kind for cell in code_cells(CELLS["displays"]) for output in cell.outputs
             for kind in output.get("data", {})}
    assert {"text/html", "text/markdown", "text/latex", "image/png", "image/svg+xml",
            "application/json"} <= kinds


def test_examples_are_installed(tmp_path):
    subprocess.run(["cmake", "--install", BUILD, "--prefix", tmp_path], check=True,
                   capture_output=True)
    for file in EXAMPLES:
        (installed,) = tmp_path.glob(f"share/doc/llmspell/examples/{file.name}")
        assert installed.read_bytes() == file.read_bytes()
