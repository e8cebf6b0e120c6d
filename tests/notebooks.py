"""The notebooks of the documentation: run them anew, and say what may stand in one.

``python tests/notebooks.py`` runs all of them in a folder of its own and stores what they show; the site shows what is
stored, so that it is built without a training and read without a kernel.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent.parent / "docs" / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
FIGURE, TABLE = "application/vnd.plotly.v1+json", "text/html"
SECONDS = 180
"""That all notebooks may take together."""
FIGURES = {"PLOTLY_RENDERER": "plotly_mimetype"}
"""The environment of the kernel: figures are stored as what they show, without four megabytes of Plotly each."""


def executed(path: Path, folder: Path) -> Any:
    """Return a notebook with what it shows when it is run in a folder; an error in it is raised."""
    import nbclient
    import nbformat

    notebook = nbformat.read(path, as_version=4)
    client = nbclient.NotebookClient(notebook, timeout=SECONDS, resources={"metadata": {"path": str(folder)}})
    client.execute(env={**os.environ, **FIGURES})
    for cell in notebook.cells:
        cell.metadata = {}
        if cell.cell_type == "code":
            cell.outputs = [each for each in cell.outputs if not _is_warning(each)]
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    return notebook


def _is_warning(output: Any) -> bool:
    return bool(output.output_type == "stream" and output.name == "stderr")


def code_of(notebook: Any) -> list[str]:
    """Return the text of each cell of code, without lines that are for IPython."""
    sources = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    return ["\n".join(line for line in source.splitlines() if line[:1] not in "%!") for source in sources]


def outputs_of(notebook: Any) -> list[Any]:
    """Return all that is stored of what a notebook shows."""
    return [each for cell in notebook["cells"] for each in cell.get("outputs", [])]


def read(path: Path) -> Any:
    """Return a notebook as it is stored."""
    return json.loads(path.read_text(encoding="utf-8"))


def store(notebook: Any, path: Path) -> None:
    """Write a notebook as Jupyter does, a line of its text a line of the file."""
    import nbformat

    path.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")


if __name__ == "__main__":
    for each in NOTEBOOKS:
        with tempfile.TemporaryDirectory() as folder:
            again = executed(each, Path(folder))
        store(again, each)
