"""The files of a comparison: tables, users, figures and the page."""

from __future__ import annotations

from pathlib import Path

from recbole_ile.experiments.comparison.summary import Comparison
from recbole_ile.files import write_text, write_whole
from recbole_ile.report.comparison.figures import item_groups, trade_off, user_groups
from recbole_ile.report.comparison.latex import comparison_latex
from recbole_ile.report.comparison.losses import group_losses
from recbole_ile.report.comparison.page import comparison_page
from recbole_ile.report.comparison.tables import comparison_csv, comparison_markdown
from recbole_ile.report.figures import save_figure
from recbole_ile.report.pages.frame import Made

FIGURES = {
    "group_losses": group_losses,
    "user_groups": user_groups,
    "item_groups": item_groups,
    "trade_off": trade_off,
}


def write_comparison(folder: str | Path, comparison: Comparison, made: Made | None = None) -> None:
    """Write ``table.csv``, ``.md`` and ``.tex``, ``per_user.parquet``, the figures that there is data for as ``.png``
    and ``.pdf``, and ``report.html``; figures of an earlier report that there is no data for any more are removed.

    Args:
        folder: where to; made if missing.
        comparison: what it says.
        made: how it was made, for the page.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / "table.csv", comparison_csv(comparison))
    write_text(folder / "table.md", comparison_markdown(comparison))
    write_text(folder / "table.tex", comparison_latex(comparison))
    write_whole(folder / "per_user.parquet", lambda path: comparison.users.to_parquet(path, index=False))
    pngs = {}
    for name, draw in FIGURES.items():
        figure = draw(comparison)
        for suffix in (".png", ".pdf"):
            path = folder / f"{name}{suffix}"
            if figure is None:
                path.unlink(missing_ok=True)
            else:
                save_figure(figure, path)
        if figure is not None:
            pngs[name] = (folder / f"{name}.png").read_bytes()
    write_text(folder / "report.html", comparison_page(comparison, pngs, made))
