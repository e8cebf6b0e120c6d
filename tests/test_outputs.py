"""What comes from data acts in no output: one data set of nasty names goes through all of them."""

from __future__ import annotations

import csv
import io
import json
import logging
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from comparisons import comparison
from matplotlib.cbook import is_math_text
from matplotlib.figure import Figure
from matplotlib.text import Text as Label
from rich.console import Console

from recbole_ile import run_recbole_ile
from recbole_ile.cli import main
from recbole_ile.experiments.sweep.selection import MethodVolume, candidates, selected
from recbole_ile.metric import Metric
from recbole_ile.plugin.catalogue.model_names import ModelName
from recbole_ile.report.comparison.files import FIGURES, write_comparison
from recbole_ile.report.comparison.latex import comparison_latex, escaped
from recbole_ile.report.comparison.tables import comparison_markdown, print_comparison
from recbole_ile.report.csv_text import csv_text, frame_text
from recbole_ile.report.figures import group_loss_figure, target_figure, trade_off_figure
from recbole_ile.report.json_text import script_json
from recbole_ile.report.sweep.figures import lambda_figure, sweep_figure
from recbole_ile.report.sweep.files import label, page_content, write_front, write_page, write_trials
from recbole_ile.report.sweep.progress import Progress
from recbole_ile.report.tables import print_front, print_result, print_volumes
from recbole_ile.report.terminal import Terminal
from recbole_ile.texts import COLOUR, INVISIBLE, file_name, one_line, printable, printable_lines, shortened

NASTY = [
    "<!--<script>alert(1)</script>",
    "</script><img src=x onerror=alert(1)>",
    "]]>&amp;&lt;",
    "\x1b[31mred\x1b]0;title\x07",
    "\x9b31m",
    "abc\u202edef\u2066",
    "a|b`c`",
    r"$\input{x}$",
    "=1+1",
    "@sum(a1)",
    "-2+3",
    "[bold]x[/bold]:smile:",
    "[link=http://x.y]z[/link]",
    "_hidden_",
    "%{text}%n{0}",
    "# 1. title",
    "W" * 3000,
    "\u4e2d\u6587\U0001f600",
]
"""Names that a file of data may hold; none has a tab or a line end, which end a name there."""
ACTING = NASTY[3:6]
"""Those with control characters."""
IN_TEXTS = [*NASTY, "two\nlines", "a\rb", "a\x85b\u2028c"]
"""Names and, besides, what other texts may hold: reasons of errors, settings."""


def write_nasty(data: Path) -> None:
    """Write a data set ``nasty`` of such users, items and providers."""
    folder = data / "nasty"
    folder.mkdir(parents=True)
    rows = [
        f"{user}\t{item}"
        for place, user in enumerate(NASTY)
        for item in {NASTY[(place * step) % len(NASTY)] for step in range(1, 8)}
    ]
    (folder / "nasty.inter").write_text("\n".join(["user_id:token\titem_id:token", *sorted(rows)]) + "\n", "utf-8")
    items = [f"{item}\t{provider}" for item, provider in zip(NASTY, [*NASTY[1:], NASTY[0]], strict=True)]
    (folder / "nasty.item").write_text("\n".join(["item_id:token\tprovider:token", *items]) + "\n", "utf-8")


def assert_shown(text: str, but: str = "\n") -> None:
    """Nothing in a text acts on a terminal."""
    assert set(INVISIBLE.findall(text)) <= set(but), set(INVISIBLE.findall(text))


@pytest.mark.trains
def test_a_nasty_data_set_goes_through_a_whole_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_nasty(tmp_path / "data")
    monkeypatch.setenv("COLUMNS", "200")
    options = ["--topk=2", "--valid_metric=NDCG@2", "--epochs=1", "--show_progress=False"]
    words = ["--model=BPR_ILE", "--dataset=nasty", f"--data_path={tmp_path / 'data'}", *options]
    assert main([*words, "--item_group_field=provider", "--wandb_project=a\x1b[8m"]) == 0
    printed = capsys.readouterr()
    assert_shown(printed.out)
    assert_shown(COLOUR.sub("", printed.err))
    for name in NASTY[:16]:
        assert printable(name)[:30] in printed.out, name

    (log,) = Path("log").rglob("*.log")
    assert_shown(log.read_text(encoding="utf-8"), "\n\t")
    (checkpoint,) = Path("saved").glob("*.pth")
    folder = checkpoint.with_suffix("")
    result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    groups = {row["group"] for row in result["test_by_item_group"]}
    assert groups == set(NASTY)
    rows = list(csv.DictReader((folder / "group_losses.csv").open(encoding="utf-8", newline="")))
    assert {row["group"] for row in rows} == set(NASTY)

    lists = {}
    for suffix in ("csv", "parquet"):
        out = f"lists.{suffix}"
        assert main(["recommend", f"--checkpoint={checkpoint}", "--all", "--k=3", f"--out={out}"]) == 0
        assert_shown(capsys.readouterr().out)
        kinds: dict[str, Any] = {"dtype": str, "keep_default_na": False}
        lists[suffix] = pd.read_csv(out, **kinds) if suffix == "csv" else pd.read_parquet(out)
        assert set(lists[suffix]["user_id"]) <= set(NASTY)
        assert set(lists[suffix]["item_id"]) <= set(NASTY)
    assert lists["csv"]["item_id"].tolist() == lists["parquet"]["item_id"].tolist()

    assert main(["recommend", f"--checkpoint={checkpoint}", f"--users=no{NASTY[3]}", "--out=x.csv"]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error: ")
    assert_shown(error, "")


class Scripts(HTMLParser):
    """Tells the tags of a page and what its scripts and its visible texts hold."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.scripts: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        self.tags.append(tag)
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data: str) -> None:
        if self.lasttag == "script":
            self.scripts[-1] += data
        else:
            self.text += data


def labels_of(figure: Figure) -> list[str]:
    return [each.get_text() for each in figure.findobj(Label)]


def nasty_comparison() -> Any:
    found = comparison(tuple(IN_TEXTS), tuple(NASTY), tuple(NASTY), title=" ".join(IN_TEXTS[:9]))
    return found._replace(notes=list(IN_TEXTS), settings=dict.fromkeys(IN_TEXTS[:9], "\x1b[31m<b>"))


@pytest.mark.draws
@pytest.mark.filterwarnings("ignore:Glyph:UserWarning")
def test_nasty_names_go_through_a_comparison(tmp_path: Path) -> None:
    found = nasty_comparison()
    slim = comparison(tuple(NASTY[:6]), tuple(NASTY), tuple(NASTY[:6]), title=NASTY[7])
    write_comparison(tmp_path, slim)  # figures of so few methods that they are drawn in a moment
    page = Scripts((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert "script" not in page.tags
    assert page.tags.count("img") == len(FIGURES)
    assert_shown(page.text)
    assert all(printable(name) in page.text for name in NASTY[:6])

    rows = pd.read_csv(tmp_path / "table.csv", keep_default_na=False)
    assert list(dict.fromkeys(rows["method"])) == [row.label for row in slim.rows]
    users = pd.read_parquet(tmp_path / "per_user.parquet")
    assert set(users["method"]) == {row.label for row in slim.rows}

    markdown = comparison_markdown(found)
    assert_shown(markdown)
    assert not re.search(r"(?<!\\)[<`$&]", markdown)
    table = [line for line in markdown.splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in table} == {len(found.metrics) + 2}
    latex = comparison_latex(found)
    assert_shown(latex)
    assert r"\input" not in latex

    file = io.StringIO()
    print_comparison(found, Console(width=120, file=file))
    assert_shown(file.getvalue())
    assert "[bold]x[/bold]:smile:" in file.getvalue()


@pytest.mark.draws
@pytest.mark.filterwarnings("ignore:Glyph:UserWarning")
def test_no_name_is_mathematics_in_a_figure_and_all_are_in_its_legend() -> None:
    epochs = [{"epoch": epoch, "losses": [0.5] * len(NASTY)} for epoch in (0, 1)]
    points = [{"upd": 0.1, "ndcg": 0.2}]
    course = [{"epoch": 0, "value": 0.1, "ile_lambda": 0.2}]
    drawn = [
        group_loss_figure(NASTY, epochs, NASTY[7]),
        trade_off_figure(dict.fromkeys(NASTY, points), "ndcg", {"upd": NASTY[7]}, NASTY[7]),
        target_figure("upd@10<=0.07", course, NASTY[7]),
        *(draw(comparison(tuple(NASTY), tuple(NASTY), tuple(NASTY), title=NASTY[7])) for draw in FIGURES.values()),
        *sweep_of_nasty_names()[1],
    ]
    for figure in drawn:
        for text in labels_of(figure):
            assert not is_math_text(text), text
            assert_shown(text)
            assert len(text) < 400
    for figure in drawn[:2]:
        (legend,) = [*figure.legends, *(axes.legend_ for axes in figure.axes if axes.legend_)]
        assert len(legend.get_texts()) == len(NASTY)
    drawn[0].savefig(io.BytesIO(), format="png")


def sweep_of_nasty_names() -> tuple[Any, list[Figure], dict[str, Any]]:
    """Return the settings of a sweep over providers' names, its figures and the content of its page."""
    from recbole_ile.commands.sweep_request import Sweep

    groups = {
        "by_user_group": [{"group": name, "users": 3, "ndcg@10": float("nan")} for name in NASTY],
        "by_item_group": [{"group": name, "items": 2} for name in NASTY],
    }
    outcomes = [
        {
            "id": str(place),
            "status": "done",
            "training": {"item_group_field": name, "ile_lambda": 0.1 * (place % 3)},
            "points": [{"ranking": {}, "metrics": {"ndcg@10": 0.3 - 0.01 * place, "upd@10": 0.2}, **groups}],
            "reason": IN_TEXTS[-2],
        }
        for place, name in enumerate(IN_TEXTS)
    ]
    objectives = [Metric.parse("ndcg@10"), Metric.parse("upd@10")]
    found = selected(candidates(outcomes, ModelName.parse("BPR_ILE"), {}), objectives, 0.05)
    sweep = Sweep("BPR_ILE", NASTY[0], {}, 0, [], objectives[0], objectives, 0.05, [])
    figures = [sweep_figure(found, objectives, objectives[1:], NASTY[7]), lambda_figure(found, objectives, NASTY[7])]
    content = page_content(NASTY[0], list(IN_TEXTS), found, {}, objectives, objectives[1:], sweep)
    return (outcomes, found), [each for each in figures if each], content


def test_nasty_names_go_through_a_sweep(tmp_path: Path) -> None:
    (outcomes, found), _, content = sweep_of_nasty_names()
    write_page(tmp_path / "report.html", content)
    page = Scripts((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert len(page.scripts) == 3, "a name swallowed or began a script"
    embedded = page.scripts[1]
    assert not re.search("[<>&\u2028\u2029]", embedded)
    assert_shown(embedded)
    shown = json.loads(embedded, parse_constant=lambda constant: pytest.fail(f"{constant} is no JSON"))
    assert [row["group"] for row in shown["points"][0]["by_item_group"]] == [printable(name) for name in NASTY]
    assert shown["points"][0]["by_user_group"][0]["ndcg@10"] is None
    assert {printable(label(each)) for each in found} == {point["label"] for point in shown["points"]}

    keys = ["item_group_field", "ile_lambda"]
    write_trials(tmp_path / "trials.csv", outcomes, keys)
    write_front(tmp_path / "front.csv", found, keys, {})
    trials = list(csv.DictReader((tmp_path / "trials.csv").open(encoding="utf-8", newline="")))
    assert [row["item_group_field"] for row in trials] == IN_TEXTS
    assert {row["reason"] for row in trials} == {IN_TEXTS[-2]}

    file = io.StringIO()
    console = Console(width=150, file=file)
    print_front([(label(each), each) for each in found], {}, ["ndcg@10"], NASTY[0], console)
    print_volumes([MethodVolume(name, 1, 1, 0.5) for name in NASTY], console)
    groups = [{"group": name, "items": 1} for name in NASTY]
    result = {"test_result": {"ndcg@10": 0.1}, "test_by_user_group": groups, "test_by_item_group": groups}
    print_result(result, NASTY[3], console)
    with Progress(2, [Metric.parse("ndcg@10")], console) as progress:
        for status in ("failed", "done"):
            trial = {"id": "1", "training": dict.fromkeys(["a"], NASTY[3])}
            progress("end", trial, {"status": status, "reason": "\n".join(NASTY), "metrics": {}})
    assert_shown(file.getvalue())
    assert "[bold]x[/bold]:smile:" in file.getvalue()


def test_a_terminal_shows_texts_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    for text in IN_TEXTS:
        Terminal().print(f"{text} holds report.html", soft_wrap=True)
    printed = capsys.readouterr().out
    assert_shown(printed)
    assert "[bold]x[/bold]:smile: holds" in printed
    assert r"\x1b[31mred\x1b]0;title\x07 holds" in printed


@pytest.mark.parametrize("text", IN_TEXTS, ids=lambda text: ascii(text)[:20])
def test_every_text_comes_back_from_csv_as_it_was(text: str) -> None:
    for written in (csv_text(["a", "b"], [[text, 1]]), frame_text(pd.DataFrame([[text, 1]], columns=["a", "b"]))):
        assert list(csv.reader(io.StringIO(written, newline=""))) == [["a", "b"], [text, "1"]]
        assert pd.read_csv(io.StringIO(written, newline=""), keep_default_na=False)["a"].tolist() == [text]
        assert written.endswith("1\n")


@pytest.mark.parametrize("text", IN_TEXTS, ids=lambda text: ascii(text)[:20])
def test_what_is_shown_is_one_line_and_what_is_a_file_name_is_one_name(text: str) -> None:
    for shown in (printable(text), one_line(text), script_json(text), escaped(text)):
        assert_shown(shown, "")
        assert len(shown.splitlines()) == 1
    assert_shown(COLOUR.sub("", printable_lines(text)))
    name = file_name(text)
    assert re.fullmatch(r"[\w-][\w.-]*", name)
    assert len(name.encode()) <= 100
    Path(name).write_text("")
    assert len(shortened(text)) <= 80


def test_printable_texts_keep_all_letters_and_colours_of_the_log() -> None:
    assert printable("a\\b é 中 \U0001f600 \x1b\ud800") == "a\\b é 中 \U0001f600 \\x1b\\ud800"
    assert printable_lines("\x1b[1;34mloss\x1b[0m\t1\n\x1b[2J") == "\x1b[1;34mloss\x1b[0m\t1\n\\x1b[2J"
    assert one_line(" out\n  of\tpaper\x07") == "out of paper\\x07"
    assert file_name("..") == file_name("") == "_"


@pytest.mark.trains
def test_a_line_of_the_log_cannot_pretend_to_be_another(tiny: Path) -> None:
    options = {"data_path": str(tiny), "topk": 2, "valid_metric": "NDCG@2", "epochs": 1, "show_progress": False}
    forged = "x\nSat 01 Jan 2000 00:00:00 ERROR  forged"
    run_recbole_ile("BPR", "tiny", config_dict={**options, "wandb_project": forged}, saved=False)
    (log,) = Path("log").rglob("*.log")
    assert r"x\nSat 01 Jan 2000 00:00:00 ERROR  forged" in log.read_text(encoding="utf-8")


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
def test_latex_of_nasty_names_compiles(tmp_path: Path) -> None:
    names = tuple(name for name in IN_TEXTS if name != NASTY[-1])  # other letters need XeLaTeX
    (tmp_path / "table.tex").write_text(comparison_latex(comparison(names, title=NASTY[7])), encoding="utf-8")
    (tmp_path / "main.tex").write_text(
        "\\documentclass{article}\\usepackage{booktabs}\\begin{document}\\input{table}\\end{document}"
    )
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "main.tex"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace")
    assert ended.returncode == 0, ended.stdout[-2000:]


@pytest.mark.trains
def test_other_handlers_get_the_message_itself(tiny: Path, caplog: pytest.LogCaptureFixture) -> None:
    options = {"data_path": str(tiny), "topk": 2, "valid_metric": "NDCG@2", "epochs": 1, "show_progress": False}
    with caplog.at_level(logging.INFO):
        run_recbole_ile("BPR", "tiny", config_dict=options, saved=False)
    assert any("best valid" in message for message in caplog.messages)
