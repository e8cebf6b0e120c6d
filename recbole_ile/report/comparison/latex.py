"""The table of a comparison for a paper."""

from __future__ import annotations

import re

from recbole_ile.experiments.comparison.summary import BEST, BETTER, FOOT, WORSE, Cell, Comparison
from recbole_ile.metric import Better
from recbole_ile.report.comparison.tables import PUBLISHED, name_of, published_of, spread_of
from recbole_ile.report.tables import decimal
from recbole_ile.texts import one_line

MARKS = {BETTER: "*", WORSE: r"\circ", BEST: r"\dagger"}
ARROWS = {Better.HIGHER: r"$\uparrow$", Better.LOWER: r"$\downarrow$", Better.ZERO: r"$\to 0$"}
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
    return re.sub("([-'`,])(?=\\1)|([?!])(?=`)", r"\g<0>{}", one_line(text).translate(SPECIAL))  # ligatures


def comparison_latex(comparison: Comparison) -> str:
    """Return a ``table`` that needs nothing but ``booktabs``, its title and foot as the caption."""
    metrics = comparison.metrics
    head = ["method", *(f"{escaped(str(metric))} {ARROWS[metric.better]}" for metric in metrics)]
    lines = []
    for row in comparison.rows:
        lines.append([escaped(name_of(row)), *(_cell(row.cells[str(metric)]) for metric in metrics)])
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
