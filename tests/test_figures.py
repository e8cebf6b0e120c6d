"""What figures and tables show, read off the objects that draw it."""

from __future__ import annotations

from pathlib import Path

import pytest
from matplotlib.cbook import is_math_text
from matplotlib.figure import Figure
from rich.console import Console

from recbole_ile.report.figures import group_loss_figure, save_figure, trade_off_figure
from recbole_ile.report.tables import group_table, metric_table, print_comparison

EPOCHS = [{"epoch": 0, "losses": [0.6, 0.7, None]}, {"epoch": 1, "losses": [0.5, 0.6, 0.65]}]


def lines_of(figure: Figure, panel: int = 0) -> dict[str, list[tuple[float, float]]]:
    return {line.get_label(): list(map(tuple, line.get_xydata())) for line in figure.axes[panel].lines}


def test_group_losses_are_drawn_a_line_a_group_from_the_first_epoch() -> None:
    figure = group_loss_figure(["head", "mid", "tail"], EPOCHS, "BPR on tiny")
    assert lines_of(figure) == {"head": [(1, 0.6), (2, 0.5)], "mid": [(1, 0.7), (2, 0.6)], "tail": [(2, 0.65)]}
    styles = {line.get_linestyle() for line in figure.axes[0].lines}
    assert len(styles) == 3, "lines differ without colour too"
    assert figure.axes[0].get_title() == "BPR on tiny"


def test_trade_offs_have_a_panel_a_metric() -> None:
    points = [{"ndcg": 0.3, "upd": 0.1, "ad": 0.4}, {"ndcg": 0.2, "upd": 0.05, "ad": 0.5}]
    figure = trade_off_figure({"ILE": points, "BPR": points[:1]}, "ndcg", {"upd": "UPD", "ad": "AD"}, "title")
    assert len(figure.axes) == 2
    assert lines_of(figure, 1) == {"ILE": [(0.4, 0.3), (0.5, 0.2)], "BPR": [(0.4, 0.3)]}


@pytest.mark.parametrize("suffix", ["png", "pdf"])
def test_a_failed_figure_leaves_the_old_one(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"x.{suffix}"
    save_figure(group_loss_figure(["head"], EPOCHS, "first"), path)
    before = path.read_bytes()

    class Broken(Figure):
        def savefig(self, *_: object, **__: object) -> None:
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        save_figure(Broken(), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def printed(renderable: object) -> str:
    console = Console(width=120, record=True)
    console.print(renderable)
    return console.export_text()


def test_tables_show_numbers_shares_and_gaps() -> None:
    text = printed(metric_table({"ndcg@5": 0.1, "ndcg@10": 0.25, "gauc": 0.5}))
    assert "@5" in text
    assert "0.2500" in text
    text = printed(group_table([{"group": "[red]x", "items": 3, "training_share": 0.5, "recall@10": float("nan")}]))
    assert "[red]x" in text
    assert "50.0" in text
    assert text.splitlines()[-2].split("│")[-2].strip() == "-"


def test_the_best_value_is_bold_by_the_metrics_own_direction() -> None:
    console = Console(width=120, record=True, force_terminal=True, color_system="standard")
    print_comparison({"A": {"upd@10": 0.1, "ad@10": 0.4}, "B": {"upd@10": 0.2, "ad@10": 0.5}}, console)
    rows = {line.split()[1]: line for line in console.export_text(styles=True).splitlines() if "@10" in line}
    assert "\x1b[1m0.1000" in rows["upd@10"]
    assert "\x1b[1m0.5000" in rows["ad@10"]
    assert "\x1b[1m0.2000" not in rows["upd@10"]


def test_dollar_signs_are_no_mathematics() -> None:
    figure = group_loss_figure(["$5 to $10"], [{"epoch": 0, "losses": [0.5]}], "shops on $a$")
    axes = figure.axes[0]
    assert not any(is_math_text(text.get_text()) for text in (axes.title, *axes.get_legend().get_texts()))
