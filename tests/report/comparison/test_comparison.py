"""What the tables and the files of a comparison say."""

from __future__ import annotations

import base64
import io
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from comparisons import METRICS, NAN, NDCG, STRANGE, TEN, cell, comparison, empty, without_values
from rich.console import Console

from recbole_ile.experiments.comparison.summary import FOOT, Comparison
from recbole_ile.metric import Metric
from recbole_ile.report.comparison.files import FIGURES, write_comparison
from recbole_ile.report.comparison.latex import comparison_latex
from recbole_ile.report.comparison.tables import comparison_csv, comparison_markdown, print_comparison


def terminal(found: Comparison, width: int = 140) -> str:
    console = Console(width=width, record=True, force_terminal=True, color_system="standard", file=io.StringIO())
    print_comparison(found, console)
    return console.export_text(styles=True)


def test_the_best_mean_is_bold_by_the_metrics_own_direction() -> None:
    text = terminal(comparison())
    for best in ("0.2500", "0.0700", "0.5000"):
        assert f"\x1b[1m{best}\x1b[0m ± 0.0020" in text
    for other in ("0.2200", "0.1200", "0.4000"):
        assert re.search(rf"(?<!\[1m){other} ± 0.0020", text)
    assert re.findall(r"\*\*(0\.\d{4})\*\*", comparison_markdown(comparison())) == ["0.2500", "0.0700", "0.5000"]
    assert re.findall(r"textbf{(0\.\d{4})}", comparison_latex(comparison())) == ["0.2500", "0.0700", "0.5000"]


def test_marks_stand_only_where_a_cell_has_them() -> None:
    table = terminal(comparison()).split("Mean ±")[0]
    assert (table.count("*"), table.count("°"), table.count("†")) == (1, 2, 2)
    table = comparison_latex(comparison()).split(r"\midrule")[1]
    assert re.findall(r"\$\^{(.*?)}\$", table) == [r"\dagger", r"\circ", r"*\dagger", r"\circ"]
    table = comparison_markdown(comparison()).split("Mean ±")[0]
    assert "**0.0700** ± 0.0020 \\*†" in table


def test_published_values_stand_below_their_method_in_dim() -> None:
    lines = terminal(comparison()).splitlines()
    (place,) = [number for number, line in enumerate(lines) if "published" in line]
    assert "BPR (base)" in lines[place - 1]
    assert "\x1b[2m0.2690" in lines[place]


def test_one_seed_has_no_spread_and_a_missing_value_no_number() -> None:
    assert "±" not in terminal(comparison(spread=NAN)).split("Mean ±")[0]
    assert "nan" not in terminal(without_values())


@pytest.mark.parametrize("width", [60, 80, 140])
def test_no_number_is_cut_off_on_a_narrow_terminal(width: int) -> None:
    metrics = [Metric.parse(f"m{place}@10") for place in range(9)]
    found = TEN._replace(metrics=metrics)
    rows = [row._replace(cells={str(each): cell(0.1234, 0.0021, marks="*†") for each in metrics}) for row in found.rows]
    text = re.sub(r"\x1b\[\d+m", "", terminal(found._replace(rows=rows), width))
    assert text.count("0.1234") == text.count("0.0021") == 90
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= width
    assert FOOT.split()[-1] in text


def test_the_csv_holds_all_in_full_precision() -> None:
    found = comparison((STRANGE,))
    table = pd.read_csv(io.StringIO(comparison_csv(found)), keep_default_na=False, na_values=[""])
    assert len(table) == len(found.rows) * len(METRICS)
    read = table.set_index(["method", "metric"])
    for row in found.rows:
        for metric in METRICS:
            line, each = read.loc[(row.label, str(metric))], row.cells[str(metric)]
            assert (line["mean"], line["std"], line["best"]) == (each.mean, each.spread, each.best)
            assert (json.loads(line["settings"]), json.loads(line["seeds"])) == (row.settings, row.seeds)
            expected = [each.p_base, each.p_other, each.published, *(each.interval or (None, None))]
            known = line[["p_base", "p_other", "published", "low", "high"]].astype(float)
            np.testing.assert_array_equal(known, np.array(expected, dtype=float))
            assert (line["marks"] if isinstance(line["marks"], str) else "") == each.marks


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
def test_latex_compiles_with_any_name(tmp_path: Path) -> None:
    found = comparison((STRANGE, "[2] in brackets", "*"), title=STRANGE)
    (tmp_path / "table.tex").write_text(comparison_latex(found), encoding="utf-8")
    (tmp_path / "none.tex").write_text(comparison_latex(empty()), encoding="utf-8")
    (tmp_path / "main.tex").write_text(
        "\\documentclass{article}\\usepackage{booktabs}\\begin{document}\\input{table}\\input{none}\\end{document}"
    )
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "main.tex"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace")
    assert ended.returncode == 0, ended.stdout[-2000:]
    assert "Missing character" not in ended.stdout


def test_latex_escapes_names() -> None:
    (line,) = [each for each in comparison_latex(comparison((STRANGE,))).splitlines() if each.startswith("a")]
    assert line.startswith(
        r"a\_b\%c\&d\#e\$f\{g\}h\textasciitilde{}i\textasciicircum{}j\textbackslash{}k\textless{}l\textgreater{}m"
        r"\textbar{}n{[}o]-{}-$^{*}$p\$ \textless{}script\textgreater{} & "
    )


def test_markdown_escapes_names() -> None:
    table = comparison_markdown(comparison(("a|b_c*d",)))
    assert r"| a\|b\_c\*d |" in table
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines() if line.startswith("|")} == {5}


class Page(HTMLParser):
    """Tells what a page holds, and that each of its elements is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.images: list[str] = []
        self.tags: set[str] = set()
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag == "img":
            self.images.append(dict(attrs)["src"] or "")
        elif tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.draws
def test_a_report_has_all_its_files_and_the_same_bytes_again(tmp_path: Path) -> None:
    found = comparison((STRANGE, "BPR_CP"), title="<script>alert(1)</script> & more")
    write_comparison(tmp_path / "new" / "folder", found)
    write_comparison(tmp_path / "again", found)
    files = {path.name: path for path in (tmp_path / "new" / "folder").iterdir()}
    drawn = {f"{name}.{suffix}" for name in FIGURES for suffix in ("png", "pdf")}
    assert set(files) == drawn | {"table.csv", "table.md", "table.tex", "per_user.parquet", "report.html"}
    assert [name for name in files if files[name].read_bytes() != (tmp_path / "again" / name).read_bytes()] == []
    pd.testing.assert_frame_equal(pd.read_parquet(files["per_user.parquet"]), found.users)

    text = files["report.html"].read_text(encoding="utf-8")
    page = Page(text)
    assert "script" not in page.tags
    assert all(row.label in page.text for row in found.rows)
    assert found.title in page.text
    assert all(
        words in page.text for words in ("ranks what BPR scores", FOOT, "ile_lambda: 0.04", "dataset", "p = 0.004")
    )
    prefix = "data:image/png;base64,"
    assert [image[: len(prefix)] for image in page.images] == [prefix] * 4
    pngs = {base64.b64decode(image[len(prefix) :]) for image in page.images}
    assert pngs == {path.read_bytes() for name, path in files.items() if name.endswith(".png")}
    assert "http" not in text


@pytest.mark.draws
def test_a_figure_without_data_goes_with_its_stale_files(tmp_path: Path) -> None:
    write_comparison(tmp_path, comparison(()))
    write_comparison(tmp_path, comparison(())._replace(group_losses={}, metrics=[NDCG]))
    assert {path.stem for path in tmp_path.glob("*.p[nd][gf]")} == {"user_groups", "item_groups"}
    assert len(Page((tmp_path / "report.html").read_text(encoding="utf-8")).images) == 2


LITTLE = {
    "no methods": empty(),
    "one metric": comparison()._replace(metrics=[NDCG]),
    "no metrics": comparison(())._replace(metrics=[]),
    "no values": without_values(),
    "one seed": comparison((), spread=NAN),
}


@pytest.mark.draws
@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("found", LITTLE.values(), ids=LITTLE)
def test_little_to_say_is_said(tmp_path: Path, found: Comparison) -> None:
    write_comparison(tmp_path, found)
    terminal(found)
    assert all(row.label in (tmp_path / "report.html").read_text(encoding="utf-8") for row in found.rows)
    assert "nan" not in (tmp_path / "table.md").read_text(encoding="utf-8")
