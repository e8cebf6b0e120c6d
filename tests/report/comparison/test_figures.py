"""What the figures of a comparison show, read off the objects that draw it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from comparisons import NAN, TEN, comparison
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text

from recbole_ile.experiments.comparison.summary import Comparison
from recbole_ile.report.comparison.files import FIGURES
from recbole_ile.report.comparison.looks import looks

pytestmark = pytest.mark.draws

GENRES = comparison(item_names=tuple(f"Genre number {place}" for place in range(18)), user_names=("a", "b"))
CASES = {
    "usual": comparison(),
    "ten": TEN,
    "genres": GENRES,
    "two": comparison(others=("BPR_IPS",)),
    "one": comparison(()),
}


def texts_of(figure: Figure) -> list[Text]:
    return [each for each in figure.findobj(Text) if each.get_visible() and each.get_text()]


def words_of(figure: Figure) -> list[str]:
    (legend,) = figure.legends
    return [text.get_text().replace("\n", " ") for text in legend.get_texts()]


def figures() -> Iterator[Any]:
    for name, draw in FIGURES.items():
        for case in CASES:
            yield pytest.param(draw, CASES[case], id=f"{name}-{case}")


@pytest.mark.parametrize(("draw", "found"), figures())
def test_no_text_is_clipped_or_hidden_by_another(draw: Any, found: Comparison) -> None:
    figure = draw(found)
    FigureCanvasAgg(figure).draw()
    shown = [(text.get_text(), text.get_window_extent()) for text in _drawn(figure)]
    for text, box in shown:
        assert box.x0 >= -1, text
        assert box.y0 >= -1, text
        assert box.x1 <= figure.bbox.x1 + 1, text
        assert box.y1 <= figure.bbox.y1 + 1, text
    for (one, box), (other, against) in combinations(shown, 2):
        assert not box.padded(-1).overlaps(against.padded(-1)), f"{one} and {other} overlap"
    assert all(axes.get_position().height * figure.bbox.height > 100 for axes in figure.axes)


def _drawn(figure: Figure) -> list[Text]:
    """Return the texts without the ticks that lie outside of their axes, which are not drawn."""
    hidden = set()
    for axes in figure.axes:
        for axis, limits in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
            for tick in [*axis.get_major_ticks(), *axis.get_minor_ticks()]:
                if not limits[0] - 1e-9 <= tick.get_loc() <= limits[1] + 1e-9:
                    hidden |= {tick.label1, tick.label2}
    return [text for text in texts_of(figure) if text not in hidden]


def test_group_losses_have_a_panel_a_method_with_the_base_dashed_in_each() -> None:
    figure = FIGURES["group_losses"](comparison(("BPR_ILE:ent", "BPR_CP", "BPR_IPS")))
    assert [axes.get_title() for axes in figure.axes] == ["BPR_ILE:ent", "BPR_IPS"]
    for axes in figure.axes:
        assert [line.get_linestyle() for line in axes.lines] == ["--"] * 3 + ["-"] * 3
        base, other = axes.lines[:3], axes.lines[3:]
        assert [line.get_color() for line in base] == [line.get_color() for line in other]
        assert len({line.get_marker() for line in base}) == 3
        assert list(map(tuple, base[0].get_xydata())) == [(1, 0.7), (2, 0.6)]
    assert words_of(figure) == ["head", "mid", "tail", "BPR (base)", "the panel's method"]
    assert len({axes.get_ylim() for axes in figure.axes}) == 1


def test_a_single_method_is_drawn_beside_the_base_and_named_in_the_legend() -> None:
    figure = FIGURES["group_losses"](comparison(("BPR_IPS",)))
    assert len(figure.axes) == 1
    assert words_of(figure)[-2:] == ["BPR (base)", "BPR_IPS"]


def test_an_epoch_without_losses_of_a_group_leaves_a_gap() -> None:
    losses = {"BPR": (["head", "tail"], [{"epoch": 0, "losses": [0.5, None]}, {"epoch": 1, "losses": None}])}
    figure = FIGURES["group_losses"](comparison(())._replace(group_losses=losses))
    assert [list(line.get_xdata()) for line in figure.axes[0].lines] == [[1]]


def test_user_groups_have_a_line_a_method_in_two_panels() -> None:
    figure = FIGURES["user_groups"](comparison())
    upd, ndcg = figure.axes
    assert upd.get_ylabel() == "upd@10 (lower is better, nats)"
    assert ndcg.get_ylabel() == "ndcg@10 (higher is better)"
    assert [tick.get_text() for tick in upd.get_xticklabels()] == ["niche", "2", "3", "4", "mainstream"]
    np.testing.assert_allclose([line.get_ydata() for line in upd.lines], [[0.2] * 5, [0.19] * 5, [0.18] * 5])
    assert len(ndcg.lines) == 3
    assert upd.lines[0].get_linestyle() == "--"
    assert words_of(figure) == ["BPR (base)", "BPR_ILE:ent, ile_lambda=0.04", "BPR_CP"]


def test_item_groups_have_a_bar_a_method_and_the_training_share_across() -> None:
    figure = FIGURES["item_groups"](comparison())
    (axes,) = figure.axes
    heights = [[bar.get_height() for bar in bars] for bars in axes.containers]
    np.testing.assert_allclose(heights, [[0.1, 0.11, 0.12], [0.15, 0.16, 0.17], [0.2, 0.21, 0.22]])
    assert len({bars[0].get_hatch() for bars in axes.containers}) == 3
    shares = [segment[:, 1] for lines in axes.collections for segment in lines.get_segments()]
    np.testing.assert_allclose(shares, np.full((9, 2), 1 / 3))
    assert words_of(figure)[0] == "share of training interactions"


def test_trade_offs_have_a_point_a_method_with_bars_and_hollow_published_values() -> None:
    figure = FIGURES["trade_off"](comparison())
    assert [axes.get_xlabel() for axes in figure.axes] == [
        "upd@10 (lower is better, nats)",
        "ad@10 (higher is better, share of items)",
    ]
    axes = figure.axes[0]
    assert [tuple(bars[0].get_xydata()[0]) for bars in axes.containers] == [(0.12, 0.25), (0.07, 0.22), (0.08, 0.21)]
    assert all(bars.has_xerr and bars.has_yerr for bars in axes.containers)
    hollow = [line for line in axes.lines if line.get_markerfacecolor() == "none"]
    assert [tuple(line.get_xydata()[0]) for line in hollow] == [(0.121, 0.269)]
    assert words_of(figure)[-1] == "hollow: published"
    alone = FIGURES["trade_off"](comparison(spread=NAN)).axes[0]
    assert not any(bars.has_xerr or bars.has_yerr for bars in alone.containers)


def test_no_two_methods_look_alike_in_grey() -> None:
    found = list(looks(TEN.rows).values())
    assert len({look.marker for look in found}) == len({look.hatch for look in found}) == 10
    assert found[0].line == "--"
    assert not any(look.line == "--" or to_rgb(look.colour) == (0, 0, 0) for look in found[1:])
