"""Every file is UTF-8 unless an option says otherwise, whatever the locale of the machine."""

from __future__ import annotations

import ast
import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from atomic import write_atomic

PACKAGE = Path(__file__).parent.parent / "recbole_ile"
NAMING = {"open", "read_text", "write_text", "to_csv", "read_csv", "FileHandler", "TextIOWrapper", "fdopen"}
BINARY = {"gzip", "archive", "os"}
"""Whose ``open`` reads bytes unless it is told otherwise."""
OURS = {"ledger", "self", "cls"}


def names_encoding(call: ast.Call) -> bool:
    """Whether a call that may open a text file names its encoding, or opens none."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    settings = [argument for argument in call.args if isinstance(argument, ast.Call)]  # as pyarrow has its options
    keywords = {keyword.arg for each in (call, *settings) for keyword in each.keywords}
    if name not in NAMING or "encoding" in keywords or None in keywords:
        return True
    if name == "open":
        modes = [argument.value for argument in call.args[1:2] if isinstance(argument, ast.Constant)]
        return getattr(owner, "id", "") in BINARY | OURS or any("b" in str(mode) for mode in modes)
    if name == "write_text" and owner is None:
        return True  # recbole_ile.files, which writes UTF-8
    return name == "to_csv" and not call.args  # returns the text


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_whoever_opens_a_text_file_names_its_encoding(path: Path) -> None:
    calls = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    assert not [call.lineno for call in calls if not names_encoding(call)]


def test_the_rule_finds_what_it_is_for() -> None:
    for text in ("open(a)", "open(a, 'w')", "p.read_text()", "p.write_text(t)", "pd.read_csv(p)", "t.to_csv(p)"):
        assert not names_encoding(ast.parse(text, mode="eval").body)  # type: ignore[arg-type]
    for text in (
        "open(a, 'rb')",
        "open(a, encoding=e)",
        "gzip.open(a)",
        "t.to_csv(index=False)",
        "read(a)",
        "read_csv(p, R(encoding=e))",
    ):
        assert names_encoding(ast.parse(text, mode="eval").body)  # type: ignore[arg-type]


@pytest.mark.slow
def test_ids_of_any_script_survive_a_locale_that_knows_none(tmp_path: Path) -> None:
    users = ["é", "日本", "🙂", "שלום", "e\u0301", "NA"]
    items = ["ä", "中文", "🎬", "عربي", "n\u0303", "None", "007", "a\u00a0b", "a\u2028b"]
    rows = [f"{user} {item}" for place, user in enumerate(users) for item in (*items[place % 4 :], *items[:2])]
    write_atomic_text(tmp_path, rows)
    (tmp_path / "wanted.txt").write_text("日本\ne\u0301\nNA\n", encoding="utf-8")
    scores = "\n".join(["user,item,score", *(f"{user},{item},{len(item)}" for user in users for item in items)])
    (tmp_path / "s.csv").write_text(scores + "\n", encoding="utf-8")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG", "PYTHON"))},
        **{"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "CUDA_VISIBLE_DEVICES": ""},
    }

    def call(*words: str) -> str:
        command = [sys.executable, "-m", "recbole_ile", *words]
        ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=False)
        assert ran.returncode == 0, ran.stderr.decode(errors="replace")
        assert b"Traceback" not in ran.stderr
        return ran.stdout.decode("utf-8", "replace")

    printed = call("--model=BPR_ILE", "--dataset=ids", f"--data_path={tmp_path}", "--epochs=1", "--topk=2",
                   "--valid_metric=NDCG@2", "--show_progress=False")  # fmt: skip
    checkpoint = next((tmp_path / "saved").glob("*.pth"))
    assert checkpoint.name in printed
    assert json.loads(next((tmp_path / "saved").rglob("result.json")).read_text(encoding="utf-8"))
    call("recommend", f"--checkpoint={checkpoint}", "--users=wanted.txt", "--k=2", "--out=r.csv")
    with open(tmp_path / "r.csv", encoding="utf-8", newline="") as file:
        lists = list(csv.DictReader(file))
    assert list(dict.fromkeys(row["user_id"] for row in lists)) == ["日本", "e\u0301", "NA"]
    assert {row["item_id"] for row in lists} <= set(items)
    call("rerank", "--scores=s.csv", "--train=ids/ids.inter", "--k=2")
    table = pd.read_csv(tmp_path / "s-reranked.csv", encoding="utf-8", keep_default_na=False, dtype=str)
    assert set(table["user"]) <= set(users)
    assert set(table["item"]) <= set(items)


def write_atomic_text(folder: Path, rows: list[str]) -> None:
    """Write the data set ``ids``; a blank stands for a tab."""
    path = write_atomic(folder, "ids", [])
    lines = ["user_id:token item_id:token", *dict.fromkeys(rows)]
    path.write_text("".join(line.replace(" ", "\t") + "\n" for line in lines), encoding="utf-8")
