"""An id is a text: it is kept, told from every other, and comes out as it went in, in every reader and writer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from atomic import write_atomic
from pandas._libs.parsers import STR_NA_VALUES

from recbole_ile import run_recbole_ile
from recbole_ile.cli import main
from recbole_ile.errors import InputError
from recbole_ile.plugin.config.config import IleConfig
from recbole_ile.plugin.runs.preparation import prepare_data

IDS = [
    *sorted(STR_NA_VALUES - {""}),
    *("007", "7", "7.0", "1.0", "1", "1e5", "100000", "0x10", "True", "true", "False", "inf", "-inf", "1_000"),
    *("é", "e\u0301", "日本", "🙂", "👩\u200d👧", "שלום", "a\u00a0b", "a b", "a\u2003b", "a\u2028b", "a\x85b"),
    *("a,b", 'a"b', "a'b", "a;b", "a::b", "<b>", "#a", "=1+1", "a\\b", "-", "ﬁ", "fi"),
]
"""All words that pandas takes for nothing, numbers, scripts, white space inside, and what other formats quote."""
OPTIONS: dict[str, Any] = {
    "epochs": 1, "topk": 2, "valid_metric": "NDCG@2", "metrics": ["NDCG", "UPD"], "show_progress": False,
    "state": "ERROR", "embedding_size": 4, "item_group_split": [0.5, 0.5],
}  # fmt: skip


def pairs(width: int = 5) -> list[tuple[str, str]]:
    """Every id as a user and as an item, of ``width`` interactions each."""
    return [(user, IDS[(place + step) % len(IDS)]) for place, user in enumerate(IDS) for step in range(width)]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = write_atomic(tmp_path / "data", "ids", [])
    lines = ["user_id:token\titem_id:token", *map("\t".join, pairs())]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="")
    return tmp_path / "data"


def names_of(data: Path, **options: Any) -> dict[str, list[str]]:
    config = IleConfig("BPR", "ids", config_dict={**OPTIONS, "data_path": str(data), **options})
    return {field: names[1:].tolist() for field, names in prepare_data(config).dataset.field2id_token.items()}


@pytest.mark.parametrize("cached", [False, True])
def test_loading(data: Path, cached: bool) -> None:
    for _ in range(1 + cached):
        names = names_of(data, dataset_cache=cached)
        assert names["user_id"] == IDS
        assert sorted(names["item_id"]) == sorted(IDS)


def test_features_of_ids(data: Path) -> None:
    lines = [
        "item_id:token\tkind:token\ttags:token_seq\tprice:float",
        *(f"{item}\tNA\tNA {place}\tNA" for place, item in enumerate(IDS)),
    ]
    lines[1] = f"{IDS[0]}\tNone\tnull\t2"
    (data / "ids" / "ids.item").write_text("\n".join(lines) + "\n", encoding="utf-8", newline="")
    names = names_of(data, load_col={"inter": ["user_id", "item_id"], "item": ["item_id", "kind", "tags", "price"]})
    assert sorted(names["item_id"]) == sorted(IDS)
    assert set(names["kind"]) == {"NA", "None"}
    assert {"NA", "null"} <= set(names["tags"])


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("separator", ["\t", "|"])
def test_other_encodings(data: Path, encoding: str, separator: str) -> None:
    wanted = ["é", "NA", "ä ö"] if encoding in ("latin-1", "cp1252") else ["é", "NA", "日本", "丂亅"]
    lines = ["user_id:token|item_id:token", *(f"{user}|{item}" for user in wanted for item in wanted)]
    text = "\n".join(lines).replace("|", separator) + "\n"
    (data / "ids" / "ids.inter").write_bytes(text.encode(encoding))
    assert names_of(data, encoding=encoding, field_separator=separator)["user_id"] == wanted


def test_quotes_are_undone_where_recbole_undoes_them(data: Path) -> None:
    path = data / "ids" / "ids.inter"
    path.write_text('user_id:token\titem_id:token\n"NA"\tx\n"a\tb"\tx\n"say ""a"""\ty\nNA\ty\nu\tx\nu\ty\n')
    assert names_of(data)["user_id"] == ["NA", "a\tb", 'say "a"', "u"]


@pytest.mark.trains
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_recommending(data: Path, suffix: str) -> None:
    run = run_recbole_ile("BPR", "ids", config_dict={**OPTIONS, "data_path": str(data)})
    Path("who.txt").write_text("\n".join(IDS) + "\n", encoding="utf-8", newline="")
    words = ["recommend", f"--checkpoint={run['checkpoint']}", "--k=3"]
    assert main([*words, "--users=who.txt", f"--out=all.{suffix}"]) == 0
    table = read(Path(f"all.{suffix}"))
    assert list(dict.fromkeys(table["user_id"])) == IDS
    assert set(table["item_id"]) <= set(IDS)
    assert len(table) == 3 * len(IDS)
    assert not table.duplicated(["user_id", "item_id"]).any()
    assert main([*words, "--users=NA, None,a b", f"--out=some.{suffix}"]) == 0
    assert list(dict.fromkeys(read(Path(f"some.{suffix}"))["user_id"])) == ["NA", "None", "a b"]


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_reranking(data: Path, suffix: str) -> None:
    rows = [(user, item, step / 7) for user in IDS for step, item in enumerate(IDS)]
    table = pd.DataFrame(rows, columns=["user", "item", "score"])
    scores = Path(f"s.{suffix}")
    _ = table.to_csv(scores, index=False, encoding="utf-8") if suffix == "csv" else table.to_parquet(scores)
    assert main(["rerank", f"--scores={scores}", f"--train={data}/ids/ids.inter", "--k=4"]) == 0
    lists = read(Path(f"s-reranked.{suffix}"))
    assert list(dict.fromkeys(lists["user"])) == IDS
    assert len(lists) == 4 * len(IDS)
    assert set(lists["item"]) <= set(IDS)
    assert not lists.duplicated(["user", "item"]).any()
    seen = set(pairs())
    assert not seen & set(zip(lists["user"], lists["item"], strict=True))


@pytest.mark.parametrize("suffix", ["csv", "tsv"])
def test_fetching(tmp_path: Path, suffix: str) -> None:
    table = pd.DataFrame(pairs(), columns=["user_id", "item_id"])
    table = table[~table.isin(['a"b']).any(axis=1)] if suffix == "tsv" else table
    table.to_csv(f"own.{suffix}", index=False, sep="," if suffix == "csv" else "\t", encoding="utf-8")
    assert main(["fetch", "ids", f"--from=own.{suffix}", f"--data_path={tmp_path}/data"]) == 0
    names = names_of(tmp_path / "data")
    assert names["user_id"] == list(dict.fromkeys(table["user_id"]))
    assert set(names["item_id"]) == set(table["item_id"])


EMPTY = [
    ("u1,,0.1", "a\tb", "s.csv: line 3 has no item"),
    (",i1,0.1", "a\tb", "s.csv: line 3 has no user"),
    ('u1,"",0.1', "a\tb", "s.csv: line 3 has no item"),
    ("u1,i2,0.1", "a\t", "t.inter: line 3 has no item"),
    ("u1,i2,0.1", "\tb", "t.inter: line 3 has no user"),
    ("u1,i2,0.1", "a", "t.inter: line 3 has no item"),
    ("u1,i2,high", "a\tb", "s.csv: line 3: 'high' is not a number"),
    ("u1,i2,0.1,4", "a\tb", "s.csv cannot be read"),
]


@pytest.mark.parametrize(("score", "row", "said"), EMPTY, ids=[said + score for score, _, said in EMPTY])
def test_an_empty_id_is_named_with_its_line(
    score: str, row: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("s.csv").write_text(f"user,item,score\nu0,i0,1\n{score}\n")
    Path("t.inter").write_text(f"user_id:token\titem_id:token\nu0\ti9\n{row}\n")
    assert main(["rerank", "--scores=s.csv", "--train=t.inter"]) == 2
    assert said in capsys.readouterr().err
    assert not Path("s-reranked.csv").exists()


@pytest.mark.parametrize("ids", [[1, None], ["a", None], ["a", ""], [b"a", b"b"]])
def test_an_id_of_a_parquet_file_that_is_no_text(ids: list[Any]) -> None:
    Path("t.inter").write_text("user_id:token\titem_id:token\nu0\ti9\n")
    pd.DataFrame({"user": ["u", "v"], "item": ids, "score": [1.0, 2.0]}).to_parquet("s.parquet")
    with pytest.raises(InputError, match=r"row 2 has no item|column item holds bytes"):
        main(["--debug", "rerank", "--scores=s.parquet", "--train=t.inter"])


def read(path: Path) -> pd.DataFrame:
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    return pd.read_csv(path, keep_default_na=False, dtype=str, encoding="utf-8")
