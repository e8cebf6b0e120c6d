"""What a user installs: the wheel holds the code and every default, and works away from the source tree."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROJECT = (ROOT / "pyproject.toml").read_text()


def test_every_folder_with_code_is_a_listed_package() -> None:
    folders = {".".join(path.parent.relative_to(ROOT).parts) for path in ROOT.joinpath("recbole_ile").rglob("*.py")}
    listed = re.findall(r"^packages = (\[.*?\])$", PROJECT, flags=re.MULTILINE | re.DOTALL)[0]
    assert folders | {"recbole_ile.properties"} == set(ast.literal_eval(listed))


def test_the_version_stands_in_one_release() -> None:
    import recbole_ile

    version = re.findall(r'^version = "(.*)"$', PROJECT, flags=re.MULTILINE)[0]
    assert recbole_ile.__version__ == version
    assert f"version: {version}\n" in (ROOT / "CITATION.cff").read_text()
    assert f"## {version}" in (ROOT / "CHANGELOG.md").read_text()


@pytest.mark.slow
def test_a_wheel_works_without_the_source_tree(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(tmp_path), str(ROOT)]
    subprocess.run(build, check=True)
    wheel = next(tmp_path.glob("*.whl"))
    packed = set(zipfile.ZipFile(wheel).namelist())
    for path in (ROOT / "properties").rglob("*.yaml"):
        assert f"recbole_ile/properties/{path.relative_to(ROOT / 'properties')}" in packed
    install = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--target",
        str(tmp_path / "site"),
        str(wheel),
    ]
    subprocess.run(install, check=True)
    words = ["--model=BPR_ILE", "--dataset=ml-100k", "--epochs=1", "--preset=paper-ml-1m", "--show_progress=False"]
    seen = subprocess.run(
        [sys.executable, "-m", "recbole_ile", *words],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path / "site"), "PATH": "/usr/bin"},
        capture_output=True,
        text=True,
    )
    assert seen.returncode == 0, seen.stderr
    assert "mainstream" in seen.stdout
