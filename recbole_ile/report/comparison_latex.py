"""The table of a comparison for a paper."""

from __future__ import annotations

import re

from recbole_ile.comparing.summary import BEST, BETTER, FOOT, WORSE, Cell, Comparison
from recbole_ile.report.comparison_tables import PUBLISHED, name_of, published_of, spread_of
from recbole_ile.report.tables import decimal

MARKS = {BETTER: "*", WORSE: r"\circ", BEST: r"\dagger"}
SPECIAL = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "|": r"\textbar{}",
        "±": r"$\pm$",
        "[": "{[}",  # which the end of a line would take for its option
        **{character: f"\\{character}" for character in "_%&#${}"},
        **{mark: f"$^{{{symbol}}}$" for mark, symbol in MARKS.items()},
    }
)


def escaped(text: str) -> str:
    """Return a text as LaTeX shows it; other letters than Latin ones need XeLaTeX or LuaLaTeX."""
    shown = " ".join(text.split()).translate(SPECIAL)
    return re.sub("-(?=-)", "-{}", shown)  # two would become one long dash


def comparison_latex(comparison: Comparison) -> str:
    """Return a ``table`` that needs nothing but ``booktabs``, its title and foot as the caption."""
    metrics = comparison.metrics
    arrows = (r"$\uparrow$" if metric.higher else r"$\downarrow$" for metric in metrics)
    head = ["method", *(f"{escaped(metric.name)} {arrow}" for metric, arrow in zip(metrics, arrows, strict=True))]
    lines = []
    for row in comparison.rows:
        lines.append([escaped(name_of(row)), *(_cell(row.cells[metric.name]) for metric in metrics)])
        published = published_of(row, metrics)
        if published:
            lines.append([rf"\quad\textit{{{PUBLISHED}}}", *published])
    body = "".join(f"{' & '.join(line)} \\\\\n" for line in lines)
    return (
        "% \\usepackage{booktabs}\n\\begin{table}\n\\centering\\small\n"
        f"\\caption{{{escaped(comparison.title)}. {escaped(FOOT)}}}\n\\label{{tab:comparison}}\n"
        f"\\begin{{tabular}}{{l{'l' * len(metrics)}}}\n\\toprule\n{' & '.join(head)} \\\\\n\\midrule\n"
        f"{body}\\bottomrule\n\\end{{tabular}}\n\\end{{table}}\n"
    )


def _cell(cell: Cell) -> str:
    mean = rf"\textbf{{{decimal(cell.mean)}}}" if cell.best else decimal(cell.mean)
    marks = "".join(MARKS[mark] for mark in cell.marks)
    return mean + spread_of(cell).replace("±", r"$\pm$") + (f"$^{{{marks}}}$" if marks else "")
