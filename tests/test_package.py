"""What a user installs: the wheel holds the code and every default, and works away from the source tree."""

from __future__ import annotations

import ast
import os
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
import yaml
from loans import write_loans

ROOT = Path(__file__).parent.parent
PROJECT = (ROOT / "pyproject.toml").read_text()
(PROJECT_VERSION,) = re.findall(r'^version = "(.*)"$', PROJECT, flags=re.MULTILINE)
YAML_FILES = list((ROOT / "properties").rglob("*.yaml"))
MAIN_JOB = re.findall(r"^\t\$\(BIN\)/(recbole-ile --model=.*)$", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)[
    0
].split()
"""What `make run` runs."""
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^(recbole-ile .*?)(?: +#.*)?$", README, flags=re.MULTILINE)
(PYTHON_BLOCK,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
QUICK = ["--epochs=1", "--show_progress=False"]


def test_every_folder_with_code_is_a_listed_package() -> None:
    folders = {".".join(path.parent.relative_to(ROOT).parts) for path in ROOT.joinpath("recbole_ile").rglob("*.py")}
    listed = re.findall(r"^packages = (\[.*?\])$", PROJECT, flags=re.MULTILINE | re.DOTALL)[0]
    assert folders | {"recbole_ile.properties"} == set(ast.literal_eval(listed))


def test_what_a_page_is_made_of_is_packed() -> None:
    packed = dict(re.findall(r'^"(recbole_ile[\w.]*)" = (\[.*\])$', PROJECT, flags=re.MULTILINE))
    parts = [path for path in ROOT.joinpath("recbole_ile").rglob("*") if path.suffix in (".html", ".css", ".js")]
    assert parts
    for path in parts:
        package = ".".join(path.parent.relative_to(ROOT).parts)
        assert f"*{path.suffix}" in ast.literal_eval(packed[package]), path


def test_the_version_stands_in_one_release() -> None:
    import recbole_ile

    version = PROJECT_VERSION
    assert recbole_ile.__version__ == version
    assert f"version: {version}\n" in (ROOT / "CITATION.cff").read_text()
    assert f"## {version}" in (ROOT / "CHANGELOG.md").read_text()


def test_commits_are_checked_by_what_ci_runs() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    made = (ROOT / "Makefile").read_text().replace("$(BIN)/", "")
    for hook in hooks:
        assert f"\n\t{hook['entry']}\n" in made


def test_whoever_reports_a_fault_is_asked_for_the_versions() -> None:
    for path in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("[!c]*.yml"):
        fields = {field["id"]: field for field in yaml.safe_load(path.read_text())["body"]}
        assert "recbole-ile doctor" in fields["doctor"]["attributes"]["label"]
        assert fields["doctor"]["validations"]["required"]


def test_the_workflow_tests_the_pythons_that_are_promised() -> None:
    matrix = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text())["jobs"]["test"]["strategy"][
        "matrix"
    ]
    (lowest,) = re.findall(r'requires-python = ">=(.*)"', PROJECT)
    assert matrix["python"][0] == lowest


CONDA_NAMES = {"torch": "pytorch", "ray[tune]": "ray-tune", "matplotlib": "matplotlib-base"}
"""What conda-forge calls a package otherwise."""
CONDA_SECTIONS = dict.fromkeys(("package", "source", "build", "requirements", "test", "about"), dict)
"""What a recipe has, of all that conda-build knows."""


def test_the_conda_recipe_says_what_the_project_says() -> None:
    path = ROOT / "conda" / "recipe" / "meta.yaml"
    recipe = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert {name: type(section) for name, section in recipe.items()} == CONDA_SECTIONS
    assert recipe["package"] == {"name": "recbole_ile", "version": PROJECT_VERSION}
    assert (path.parent / recipe["source"]["path"]).resolve() == ROOT
    assert (ROOT / recipe["about"]["license_file"]).is_file()
    assert recipe["build"]["noarch"] == "python"
    (command,) = recipe["build"]["entry_points"]
    name, target = command.split(" = ")
    assert f'{name} = "{target}"' in PROJECT
    (summary,) = re.findall(r'^description = "(.*)"$', PROJECT, flags=re.MULTILINE)
    assert recipe["about"]["summary"] == summary

    (listed,) = re.findall(r"^dependencies = \[\n(.*?)^\]", PROJECT, flags=re.MULTILINE | re.DOTALL)
    (python,) = re.findall(r'^requires-python = "(.*)"$', PROJECT, flags=re.MULTILINE)
    wanted = {"python": python}
    for name, bounds in re.findall(r'^    "([\w\[\]-]+)([<>=][^"]*)"', listed, flags=re.MULTILINE):
        wanted[CONDA_NAMES.get(name, name)] = bounds
    assert len(wanted) == len(listed.splitlines()) + 1
    for part in ("host", "run", "run_constrained"):
        lines = recipe["requirements"][part]
        assert all(re.fullmatch(r"[a-z][a-z0-9-]*( [<>=][\d.,<>=]+)?", line) for line in lines), part
    assert dict(line.split(" ", 1) for line in recipe["requirements"]["run"]) == wanted


@pytest.mark.slow
def test_wheel_and_sdist_work_in_a_fresh_environment(tmp_path: Path) -> None:
    """The dependencies are this environment's, by a ``.pth`` file; the package and its command are the wheel's."""
    source = tmp_path / "source"
    copied = ("recbole_ile", "properties", "pyproject.toml", "README.md", "LICENSE")
    for name in copied:
        ignored = shutil.ignore_patterns("__pycache__")
        original = ROOT / name
        shutil.copytree(original, source / name, ignore=ignored) if original.is_dir() else shutil.copy(original, source)
    subprocess.run([sys.executable, "-m", "build", "--outdir", str(tmp_path / "dist"), str(source)], check=True)
    (wheel,), (sdist,) = (tmp_path / "dist").glob("*.whl"), (tmp_path / "dist").glob("*.tar.gz")
    packed = set(zipfile.ZipFile(wheel).namelist())
    assert {
        f"recbole_ile/properties/{path.relative_to(ROOT / 'properties').as_posix()}" for path in YAML_FILES
    } <= packed
    assert "recbole_ile/py.typed" in packed
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"LICENSE", "README.md", "recbole_ile/cli.py", "properties/overall.yaml"} <= names
    shutil.rmtree(source)
    environment = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    python = environment / ("Scripts" if os.name == "nt" else "bin") / "python"
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", str(wheel)]
    subprocess.run(install, check=True)
    (site,) = environment.rglob("site-packages")
    others = [folder for folder in sys.path if folder and not Path(folder).is_relative_to(ROOT / "recbole_ile")]
    (site / "dependencies.pth").write_text("".join(f"{folder}\n" for folder in others if folder.endswith("-packages")))
    command = str(python.with_name("recbole-ile"))
    where = "import recbole_ile; print(recbole_ile.__file__)"
    assert str(site) in said([str(python), "-c", where], tmp_path), "not the one under development"
    assert f"recbole_ile {PROJECT_VERSION}\n" in said([command, "--version"], tmp_path)
    assert "--ile_lambda" in said([command, "help", "ILE"], tmp_path)
    assert "EASE_EP_CP" in said([command, *MAIN_JOB[1:], *QUICK], tmp_path)
    write_loans(tmp_path / "loans.csv")
    for line in COMMANDS:
        models = sorted(tmp_path.glob("saved/EASE_EP_CP-*.pth"), key=lambda path: path.stat().st_mtime)
        words = shlex.split(line.replace("saved/EASE_EP_CP-<time>.pth", str(models[-1])))[1:]
        said([command, *words, *(QUICK if words[0].startswith("--model=") else [])], tmp_path)
    assert (tmp_path / "recs.csv").is_file()
    said([str(python), "-c", PYTHON_BLOCK], tmp_path)


def said(words: list[str], folder: Path) -> str:
    """Return what a command prints in a folder, with nothing of this environment's variables."""
    seen = subprocess.run(
        words, cwd=folder, env={"PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1"}, capture_output=True, text=True
    )
    assert seen.returncode == 0, seen.stderr
    return seen.stdout
