"""Every command and every Python block of the README and of the site's pages works."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml
from loans import write_loans
from publisher import SHAPES, publish, serving

from recbole_ile.cli import COMMANDS, main
from recbole_ile.commands.parsers import load_command
from recbole_ile.fetching.sources import known_sources

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
FOLDERS = ("tutorial", "how-to", "reference", "explanation")
"""What was written with commands to be tried; the pages beside these folders report long experiments."""


def pages() -> list[Path]:
    """Return the README and the site's pages, in the order of its navigation, in which one command follows others."""
    sections = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"][1:]
    named = [ROOT / "docs" / page for section in sections for group in section.values() for page in of_group(group)]
    inside = [page for page in named if page.parent.name in FOLDERS]
    assert set(inside) == {page for folder in FOLDERS for page in (ROOT / "docs" / folder).glob("*.md")}
    return [ROOT / "README.md", *inside, ROOT / "CONTRIBUTING.md"]


def of_group(group: list[dict[str, str]]) -> list[str]:
    return [page for entry in group for page in entry.values()]


TEXT = "\n".join(page.read_text(encoding="utf-8") for page in pages())
BLOCKS = re.findall(r"```bash\n(.*?)```", TEXT, flags=re.DOTALL)
LINES = list(
    dict.fromkeys(line.partition(" #")[0].strip() for block in BLOCKS for line in block.splitlines() if line.strip())
)
EXAMPLES = list(dict.fromkeys(re.findall(r"```python\n(.*?)```", TEXT, flags=re.DOTALL)))
BENCHMARKS = [line for line in LINES if line.startswith("python benchmarks/")]
OURS = [line for line in LINES if line.startswith("recbole-ile ")]
RUNS = [line for line in OURS if line.startswith(("recbole-ile --", "recbole-ile run --model"))]
SWEEPS = [line for line in OURS if "sweep" in line]
FETCHES = [line for line in OURS if line.startswith("recbole-ile fetch ")]
COMPARISONS = [line for line in OURS if line.startswith("recbole-ile compare ")]
MADE = ["make run", "make test", "make quick", "make slow", "make lint", "make docs"]
SET_UP = [*MADE, "python -m venv .venv", "source .venv/bin/activate", "pip install ."]
"""What .ci/run does in a fresh environment, the last three through the Makefile; `make quick` is in `make test`."""
SHARED_OPTIONS = (ROOT / "benchmarks" / "side_by_side.py").read_text()
ACTIVE = "--user_inter_num_interval=[200,inf)"


def test_every_command_is_run_here_or_by_ci() -> None:
    assert set(LINES) == {*OURS, *SET_UP, *BENCHMARKS}
    for line in BENCHMARKS:  # which run on small data in test_benchmarks.py
        text = (ROOT / line.split()[1]).read_text()
        assert all(option.partition("=")[0] in text + SHARED_OPTIONS for option in re.findall(r"--\w+", line)), line
    recipes = (ROOT / ".ci" / "run").read_text() + (ROOT / "Makefile").read_text()
    for step in ({*MADE} - {"make quick"}) | {"-m venv", "pip install", "\nquick:"}:
        assert step in recipes


def test_the_example_of_every_command_is_run() -> None:
    for path in COMMANDS.values():
        example = getattr(load_command(path), "EXAMPLE", None)
        assert example is None or example in OURS, example


def test_the_readme_is_one_that_is_read() -> None:
    assert len(README.splitlines()) <= 150
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md"):
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
            assert target.startswith("https://") or (ROOT / target).exists(), target


@pytest.mark.trains
@pytest.mark.parametrize("line", [line for line in RUNS if "ml-1m" not in line.replace("paper-ml-1m", "")])
def test_a_command_runs(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    fewer = ACTIVE
    if "--dataset=books" in line:
        write_loans(Path("loans.csv"))
        (fetch,) = [each for each in FETCHES if "loans.csv" in each]
        assert main(shlex.split(fetch)[1:]) == 0
        fewer = "--user_inter_num_interval=[3,inf)"
    assert main([*shlex.split(line)[1:], "--epochs=1", "--show_progress=False", fewer]) == 0
    assert "mainstream" in capsys.readouterr().out


@pytest.mark.trains
def test_a_command_that_trains_nothing_runs(capsys: pytest.CaptureFixture[str]) -> None:
    saved = {}
    for model in ("BPR", "EASE"):
        assert main([f"--model={model}", "--dataset=ml-100k", "--epochs=1", "--show_progress=False"]) == 0
        (saved[model],) = Path("saved").glob(f"{model}-*.pth")
    Path("items.csv").write_text("user,item\nnew,242\nnew,302\n")
    Path("scores.csv").write_text("user,item,score\nu,i,1\nu,j,2\n")
    Path("train.inter").write_text("user_id:token\titem_id:token\nv\ti\nv\tj\n")
    for line in set(OURS) - set(RUNS) - set(SWEEPS) - set(COMPARISONS) - set(FETCHES):
        trained = saved["EASE" if "--history" in line else "BPR"]
        words = shlex.split(re.sub(r"saved/\w+-<time>\.pth", str(trained), line).partition(" > ")[0])[1:]
        assert main(words) == 0, line
    assert "not applicable" in capsys.readouterr().out
    assert Path("scores-reranked.csv").is_file()


def test_the_data_sets_are_fetched(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    Path("loans.csv").write_text("isbn,reader\nx,a\n")
    poetry = SHAPES["goodreads_interactions_poetry.json.gz"]
    with serving() as server:
        publish(server, monkeypatch, {"ml-1m": SHAPES["ml-1m.zip"], "goodreads-poetry": poetry})
        assert len(FETCHES) == 3
        for line in FETCHES:
            assert main(shlex.split(line)[1:]) == 0, line
    assert capsys.readouterr().out.count("next: recbole-ile --model=BPR_ILE") == 3
    known = TEXT.partition("It knows ")[2].partition(". MovieLens is checked")[0]
    assert re.findall(r"`([\w-]+)`", known) == list(known_sources())


@pytest.mark.slow
@pytest.mark.parametrize("line", [line for line in RUNS if "ml-1m" in line.replace("paper-ml-1m", "")])
def test_a_command_on_movielens_1m_runs(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    data = ROOT.parent / "shared" / "data"
    if not (data / "ml-1m").is_dir():
        pytest.skip("MovieLens 1M is not on this machine")
    assert main([*shlex.split(line)[1:], f"--data_path={data}", "--epochs=1", "--show_progress=False"]) == 0
    assert "mainstream" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.usefixtures("one_ray")
def test_the_sweeps_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert len(SWEEPS) == 7
    for line in SWEEPS:
        words = shlex.split(line.replace("--num_samples=20", "--num_samples=2"))[1:]
        quick = ["--epochs=1", ACTIVE] if "--resume" not in line and words[0] == "sweep" else []
        assert main([*words, *quick]) == 0, line
    printed = capsys.readouterr().out
    assert "13 trials; each takes 1 CPU" in printed
    assert "all 10 trials are there already" in printed, "the same sweep, asked for something else"
    assert "all 15 trials are there already" in printed, "13 and what Optuna suggested"
    assert "mainstream" in printed


@pytest.mark.slow
@pytest.mark.usefixtures("one_ray")
def test_the_comparisons_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert len(COMPARISONS) == 5
    data = ROOT.parent / "shared" / "data"
    for line in COMPARISONS:
        words = shlex.split(re.sub(r"--seeds=\d", "--seeds=1", line))[1:]
        quick = ["--epochs=1", ACTIVE, "--pufr_members=2"]
        if "ml-1m" in line:
            if not (data / "ml-1m").is_dir():
                continue
            quick = ["--epochs=1", ACTIVE, f"--data_path={data}"]
        assert main(words if "--resume" in line else [*words, *quick]) == 0, line
    printed = capsys.readouterr().out
    assert "15 trainings" in printed
    assert "3 trainings, 3 are there already" in printed, "the ensembles serve again"


@pytest.mark.trains
@pytest.mark.parametrize("example", EXAMPLES)
def test_a_python_example_runs(example: str) -> None:
    names: dict[str, object] = {}
    exec(compile(example.replace('"epochs": 5', '"epochs": 1, "show_progress": False'), "README.md", "exec"), names)
    assert type(names["model"]).__name__ == "BPR_ILE"
