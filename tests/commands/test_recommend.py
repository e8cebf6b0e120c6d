"""The command: what it writes, what it prints, and what a user sees when something is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet
import pytest
from atomic import TINY, write_atomic

from recbole_ile import run_recbole_ile
from recbole_ile.cli import main
from recbole_ile.plugin.checkpoints.files import read_checkpoint
from recbole_ile.plugin.runs.recommendation import Recommender, recommender
from recbole_ile.plugin.runs.reevaluation import reevaluation_config
from recbole_ile.plugin.runs.restoring import restore
from recbole_ile.report.run import lists as list_files

OPTIONS: dict[str, Any] = {"epochs": 1, "topk": 2, "valid_metric": "NDCG@2", "show_progress": False, "state": "ERROR"}


@pytest.fixture
def checkpoint(tiny: Path) -> str:
    return run_recbole_ile("BPR", "tiny", config_dict={**OPTIONS, "data_path": str(tiny)})["checkpoint"]


def recommend(checkpoint: str, *words: str) -> int:
    return main(["recommend", f"--checkpoint={checkpoint}", *words])


def read(path: str) -> pd.DataFrame:
    kinds = {"user_id": str, "rank": "int32", "item_id": str, "score": "float32"}
    return pd.read_csv(path, dtype=kinds) if path.endswith(".csv") else pd.read_parquet(path)


@pytest.mark.trains
def test_a_file_holds_original_ids_ranks_and_scores(checkpoint: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert recommend(checkpoint, "--all", "--k=3", "--out=recs.csv") == 0
    table = read("recs.csv")
    assert table.columns.tolist() == ["user_id", "rank", "item_id", "score"]
    stored = read_checkpoint(checkpoint)
    found, dataset = recommender(
        reevaluation_config(checkpoint, stored["config"], None, None, None, None), stored, checkpoint, 3
    )
    names = dataset.field2id_token
    expected = [
        (str(names["user_id"][user]), rank, str(names["item_id"][item]), score)
        for block in found
        for user, items, scores in zip(*(column.tolist() for column in block), strict=True)
        for rank, (item, score) in enumerate(zip(items, scores, strict=True), start=1)
        if item
    ]
    assert [tuple(row) for row in table.astype({"score": float}).itertuples(index=False)] == expected
    assert set(table["user_id"]) == set(TINY)
    printed = capsys.readouterr().out.splitlines()[-1]
    for part in ("6 users, 6 lists of 3", f"{len(table)} rows in recs.csv", " s, at most ", " GB of memory"):
        assert part in printed


@pytest.mark.trains
def test_history_is_not_in_the_file_and_short_lists_have_fewer_rows(checkpoint: str) -> None:
    assert recommend(checkpoint, "--all", "--k=8", "--out=recs.csv") == 0
    table = read("recs.csv")
    stored = read_checkpoint(checkpoint)
    config = reevaluation_config(checkpoint, stored["config"], None, None, None, None)
    data = restore(config, stored, checkpoint, needs_split=False).data
    for user, own in table.groupby("user_id"):
        relevant = data.test._dataset
        tested = relevant.inter_feat["item_id"][relevant.inter_feat["user_id"] == relevant.token2id("user_id", user)]
        known = set(TINY[str(user)].split()) - set(relevant.id2token("item_id", tested))
        assert set(own["item_id"]) == set("abcdefgh") - known
        assert own["rank"].tolist() == list(range(1, len(own) + 1))


@pytest.mark.trains
@pytest.mark.parametrize("model", ["BPR", "BPR_CP"])
def test_both_formats_hold_the_same(checkpoint: str, model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(list_files, "ROWS_AT_ONCE", 5)
    for suffix in ("csv", "parquet"):
        words = [f"--model={model}", "--k=4", "--eval_memory=1", "--all"]
        assert recommend(checkpoint, *words, f"--out=recs.{suffix}") == 0
    pd.testing.assert_frame_equal(read("recs.csv"), read("recs.parquet"), check_dtype=False)
    assert pyarrow.parquet.ParquetFile("recs.parquet").num_row_groups == 3


@pytest.mark.trains
def test_titles_are_a_further_column_in_both_formats(
    checkpoint: str, tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert recommend(checkpoint, "--all", "--k=2", "--names", "--out=recs.csv") == 2
    assert "option names: tiny.item in" in capsys.readouterr().err
    titles = {"a": 'A, the "first"', "b": "NA", "c": "Übung"}
    lines = ["item_id:token\tmovie_title:token_seq", *(f"{item}\t{title}" for item, title in titles.items())]
    (tiny / "tiny" / "tiny.item").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for suffix in ("csv", "parquet"):
        assert recommend(checkpoint, "--all", "--k=8", "--names", f"--out=recs.{suffix}") == 0
        path = f"recs.{suffix}"
        table = pd.read_csv(path, keep_default_na=False) if suffix == "csv" else pd.read_parquet(path)
        assert table.columns.tolist() == ["user_id", "rank", "item_id", "score", "title"]
        assert table["title"].tolist() == [titles.get(item, "") for item in table["item_id"]]
        assert {"NA", ""} <= set(table["title"])


@pytest.mark.trains
def test_users_are_named_in_the_command_or_in_a_file(checkpoint: str) -> None:
    Path("users.txt").write_text("eve\n\nann\neve\n")
    for users in ("eve,ann", " eve , ann ,eve", "users.txt"):
        assert recommend(checkpoint, f"--users={users}", "--k=2", "--out=recs.csv") == 0
        assert read("recs.csv")["user_id"].unique().tolist() == ["eve", "ann"]


@pytest.mark.trains
def test_ten_items_are_the_default_and_data_may_have_moved(tiny: Path) -> None:
    rows = [f"u{user} i{(user + step) % 20}" for user in range(20) for step in range(4)]
    write_atomic(tiny, "wide", ["user_id:token item_id:token", *rows])
    saved = run_recbole_ile("BPR", "wide", config_dict={**OPTIONS, "data_path": str(tiny)})["checkpoint"]
    tiny.rename("elsewhere")
    assert recommend(saved, "--all", "--out=recs.parquet", "--data_path=elsewhere") == 0
    assert (read("recs.parquet").groupby("user_id").size() == 10).all()
    assert recommend(saved, "--all", "--out=recs.csv") == 2
    assert not Path("recs.csv").exists()


@pytest.mark.trains
@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(28, "No space left on device"), RuntimeError("broken")])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    checkpoint: str, error: BaseException, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("recs.csv").write_text("old")
    blocks = Recommender.__iter__

    def interrupted(self: Recommender) -> Any:
        yield next(iter(blocks(self)))
        raise error

    monkeypatch.setattr(Recommender, "__iter__", interrupted)
    before = sorted(Path().iterdir())
    code = recommend(checkpoint, "--all", "--k=2", "--out=recs.csv")
    assert code == {KeyboardInterrupt: 130}.get(error, 2 if isinstance(error, OSError) else 1)  # type: ignore[call-overload]
    assert Path("recs.csv").read_text() == "old"
    assert sorted(Path().iterdir()) == before
    if isinstance(error, OSError):
        assert "file recs.csv cannot be written: No space left on device" in capsys.readouterr().err


@pytest.mark.trains
def test_users_without_a_sequence_are_told_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [f"{user} {item} {time}" for user in ("ann", "bob") for time, item in enumerate("abcdef")] + ["cat a 9"]
    write_atomic(tmp_path / "data", "dated", ["user_id:token item_id:token timestamp:float", *rows])
    options = {**OPTIONS, "load_col": None, "data_path": str(tmp_path / "data"), "train_neg_sample_args": None}
    options["eval_args"] = {"split": {"LS": "valid_and_test"}, "order": "TO", "mode": "full"}
    saved = run_recbole_ile("GRU4Rec", "dated", config_dict=options)["checkpoint"]
    capsys.readouterr()
    assert recommend(saved, "--all", "--k=2", "--out=recs.csv") == 0
    told, last = capsys.readouterr().out.splitlines()[-2:]
    assert told == "users without interactions to be continued, who get no list: 1 (cat)"
    assert "2 users, 2 lists of 2, with what they have used, as in evaluation" in last
    assert recommend(saved, "--users=cat", "--k=2", "--out=recs.csv") == 2
    assert (
        "option users: GRU4Rec needs interactions to be continued, of which there are none for cat"
        in capsys.readouterr().err
    )


WRONG = [
    (["--all", "--users=ann"], "options users, all and history: got --users=ann and --all; give one of them"),
    ([], "options users, all and history: got neither --users nor --all"),
    (["--users=,"], "option users=',' names nobody"),
    (["--users=empty.txt"], "option users='empty.txt' names nobody"),
    (["--users=ann,anne,x"], "option users: anne, x is no user of tiny, did you mean ann?"),
    (["--users=usres.txt"], "usres.txt is no user of tiny"),
    (["--all", "--k=0"], "option k=0 is not allowed; it takes a whole number of at least 1"),
    (["--all", "--k=-1"], "option k=-1 is not allowed"),
    (["--all", "--k=two"], "option k=two is not allowed"),
    (["--all", "--k=9"], "option k=9 is not allowed; tiny has 8 items"),
    (["--all", "--out=recs.txt"], "option out=recs.txt is not allowed; it ends in .csv or .parquet"),
    (["--all", "--out=recs.parqet"], "did you mean .parquet?"),
    (["--all", "--out=sved/recs.csv"], "the folder sved does not exist, did you mean saved?"),
    (["--all", "--out=folder.csv"], "is a folder"),
    (["--all", "--checkpoint=nowhere.pth"], "nowhere.pth does not exist"),
    (["--all", "--checkpoint=empty.txt"], "is damaged or no checkpoint"),
    (["--all", "--model=LightGCN"], "which holds a BPR"),
    (["--all", "--model=BPR_PUFR"], "has no members, which PUFR needs"),
    (["--all", "--cp_wieght=1"], "unknown option cp_wieght, did you mean cp_weight?"),
    (["--all", "--learning_rate=1"], "option learning_rate=1 is not that of checkpoint"),
]


@pytest.mark.trains
@pytest.mark.parametrize(("words", "message"), WRONG, ids=[" ".join(words) for words, _ in WRONG])
def test_wrong_input_is_one_line_and_exit_code_2(
    checkpoint: str, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("empty.txt").write_text("\n")
    Path("folder.csv").mkdir()
    given = {word.partition("=")[0] for word in words}
    defaults = {"--checkpoint": checkpoint, "--out": "recs.csv", "--k": "2"}
    defaulted = [f"{name}={value}" for name, value in defaults.items() if name not in given]
    assert main(["recommend", *words, *defaulted]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1].startswith("error: ")
    assert message in lines[-1]
    assert not any("Traceback" in line for line in lines)
    assert not Path("recs.csv").exists()


def test_a_file_to_write_and_a_checkpoint_are_needed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recommend", "--all"]) == 2
    assert "the following arguments are required: --checkpoint, --out" in capsys.readouterr().err
