"""``data split`` writes the parts of a run, which ``run`` reads back and other programs' lists are measured on."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from atomic import write_atomic

from recbole_ile import evaluate_lists, run_recbole_ile
from recbole_ile.cli import main
from recbole_ile.experiments.data.reading import read_data
from recbole_ile.plugin.config.config import IleConfig
from recbole_ile.plugin.data.identity import vocabularies

PARTS = ("train", "valid", "test")
BENCHMARK = "--benchmark_filename=[train,valid,test]"
QUIET = {"show_progress": False, "state": "ERROR", "metric_decimal_place": 12, "topk": [5], "valid_metric": "NDCG@5"}
METRICS = ["NDCG", "Recall", "UPD", "AD", "EE", "PopLift", "APLT"]


def pairs(n_users: int = 12, n_items: int = 15) -> list[tuple[str, str, int]]:
    """Return rows with many equal counts, ids that look like numbers, and a pair that comes again later."""
    random = np.random.default_rng(5)
    rows = [(f"0{user}", f"i{item}") for user in range(n_users) for item in random.permutation(n_items)[:9]]
    order, times = random.permutation(len(rows)), random.permutation(999)
    found = [(*rows[row], 10_000_000 + 100 * int(times[row])) for row in order]
    return [*found, (*found[0][:2], 20_000_000)]


@pytest.fixture
def data() -> Path:
    lines = [f"{user} {item} 1.50 {time}" for user, item, time in pairs()]
    write_atomic(Path("data"), "loans", ["user_id:token item_id:token price:float timestamp:float", *lines])
    return Path("data")


def lines_of(part: str, folder: Path = Path("out/loans")) -> list[str]:
    return (folder / f"loans.{part}.inter").read_text(encoding="utf-8").splitlines()[1:]


def ids_of(path: Path, **options: object) -> list[list[str]]:
    """Return the ids of users and items and of each part's rows, in their order."""
    config = IleConfig("BPR", "loans", config_dict={"data_path": str(path), "dataset_cache": False, **options})
    found = read_data(config)
    tokens = found.field2id_token
    rows = [
        [f"{tokens['user_id'][user]} {tokens['item_id'][item]}" for user, item in zip(*columns, strict=True)]
        for part in found.build()
        for columns in [(part.inter_feat["user_id"].tolist(), part.inter_feat["item_id"].tolist())]
    ]
    ids = vocabularies(found)
    return [ids["user_id"].tolist(), ids["item_id"].tolist(), *rows]


SPLITS = {
    "random": {},
    "another seed": {"seed": 7},
    "time": {"eval_args": {"order": "TO", "split": {"RS": [0.8, 0.1, 0.1]}, "group_by": None, "mode": "full"}},
    "last out": {"eval_args": {"order": "TO", "split": {"LS": "valid_and_test"}, "group_by": "user", "mode": "full"}},
    "filtered": {"user_inter_num_interval": "[5,inf)", "item_inter_num_interval": "[7,inf)"},
    "without repeated pairs": {"rm_dup_inter": "last"},
}


@pytest.mark.parametrize("kind", SPLITS)
def test_the_parts_are_those_of_a_run_row_by_row(kind: str, data: Path) -> None:
    options = SPLITS[kind]
    words = [f"--{key}={value}" for key, value in options.items()]
    assert main(["data", "split", "--dataset=loans", f"--data_path={data}", "--out=out", *words]) == 0
    expected = ids_of(data, **options)
    assert ids_of(Path("out"), benchmark_filename=list(PARTS)) == expected
    source = (data / "loans" / "loans.inter").read_text(encoding="utf-8").splitlines()[1:]
    written = [line for part in PARTS for line in lines_of(part)]
    assert len(set(written)) == len(written)
    assert set(written) <= set(source), "every field as it stands in the file"
    described = json.loads(Path("out/loans/loans.split.json").read_text(encoding="utf-8"))
    assert described["rows"] == {part: len(lines_of(part)) for part in PARTS}
    assert described["seed"] == options.get("seed", 2020)


def test_features_go_along_in_the_order_of_ids(data: Path) -> None:
    table = ["item_id:token\ttitle:token_seq\tprice:float", *(f"i{item}\tThe i{item}\t{item}.50" for item in range(16))]
    (data / "loans" / "loans.item").write_text("\n".join(table) + "\n", encoding="utf-8")
    words = ["data", "split", "--dataset=loans", f"--data_path={data}", "--csv"]
    assert main([*words, "--out=plain"]) == 0
    assert main([*words, "--out=loaded", "--load_col={'inter':['user_id','item_id'],'item':['item_id','price']}"]) == 0
    for out, number in (("plain", 15), ("loaded", 16)):
        rows = Path(out, "loans", "loans.item").read_text(encoding="utf-8").splitlines()
        assert rows[0] == table[0]
        assert sorted(rows[1:]) == sorted(table[1 : number + 1])
    assert [row.split("\t")[0] for row in rows[1:]] == ids_of(data, load_col=None)[1]
    loaded = {"benchmark_filename": list(PARTS), "load_col": None}
    assert ids_of(Path("loaded"), **loaded) == ids_of(data, load_col=None)
    assert ids_of(Path("loaded"), benchmark_filename=list(PARTS)) == ids_of(data), "without features, without their ids"
    plain = pd.read_csv("plain/loans/train.csv", dtype=str)
    assert list(plain) == ["user_id", "item_id", "price", "timestamp"]
    assert ["\t".join(row) for row in plain.itertuples(index=False)] == lines_of("train", Path("plain/loans"))


def test_texts_of_another_encoding_become_utf_8(data: Path) -> None:
    path = data / "loans" / "loans.inter"
    text = path.read_text(encoding="utf-8").replace("i3", "é 3")
    path.write_text(text, encoding="latin-1")
    assert main(["data", "split", "--dataset=loans", f"--data_path={data}", "--out=out", "--encoding=latin-1"]) == 0
    assert set(text.splitlines()[1:]) == {line for part in PARTS for line in lines_of(part)}
    assert ids_of(Path("out"), benchmark_filename=list(PARTS)) == ids_of(data, encoding="latin-1")


def test_a_field_that_would_be_read_otherwise_is_refused(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = data / "loans" / "loans.inter"
    path.write_text(path.read_text(encoding="utf-8").replace("i3", '"""i3"'), encoding="utf-8")
    assert main(["data", "split", "--dataset=loans", f"--data_path={data}", "--out=out"]) == 2
    assert "column item_id:token has a field that begins with a quote" in capsys.readouterr().err
    assert not Path("out").exists()


def test_files_that_were_changed_are_told(data: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert main(["data", "split", "--dataset=loans", f"--data_path={data}", "--out=out"]) == 0
    path = Path("out/loans/loans.train.inter")
    path.write_text(path.read_text(encoding="utf-8") + "new\ti1\t1\t1\n", encoding="utf-8")
    users = ids_of(Path("out"), benchmark_filename=list(PARTS))[0]
    assert "new" in users
    assert "loans.train.inter in out/loans is not as loans.split.json describes it" in caplog.text


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "split needs --out=<folder>"),
        (["--out=out", BENCHMARK], "names files that are split already"),
        (["--out=out", "--eval_args.split.RS=[0.8,0.0,0.2]"], "the valid part of loans is empty"),
        (["--out=data"], "data/loans exists already; --force replaces"),
        (["--out=out", "--name=ml-100k"], "RecBole reads its own copy under this name"),
        (["--out=out", "--name=../x"], "data set name '../x' is not allowed"),
    ],
)
def test_what_cannot_be_split_is_refused(
    words: list[str], says: str, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "split", "--dataset=loans", f"--data_path={data}", *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert says in line
    assert not Path("out").exists()


def test_a_damaged_description_is_named(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "split", "--dataset=loans", f"--data_path={data}", "--out=out"]) == 0
    Path("out/loans/loans.split.json").write_text("[]", encoding="utf-8")
    assert main(["data", "describe", "--dataset=loans", "--data_path=out", BENCHMARK]) == 2
    assert "loans.split.json is damaged" in capsys.readouterr().err


def test_a_split_can_be_replaced(data: Path) -> None:
    words = ["data", "split", "--dataset=loans", f"--data_path={data}", "--out=out"]
    assert main(words) == 0
    before = lines_of("train")
    assert main([*words, "--seed=1", "--force"]) == 0
    assert lines_of("train") != before
    assert main([*words, "--force"]) == 0
    assert lines_of("train") == before, "the same seed, the same rows in the same order"


@pytest.mark.trains
@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("model", ["Pop", "EASE_CP"])
def test_a_run_on_the_files_has_the_metrics_of_the_whole(model: str, data: Path) -> None:
    assert main(["data", "split", "--dataset=loans", f"--data_path={data}", "--out=out", "--seed=3"]) == 0
    options = {**QUIET, "metrics": METRICS, "seed": 3}
    expected = run_recbole_ile(model, "loans", config_dict={**options, "data_path": str(data)}, saved=False)
    shutil.rmtree(data)
    again = {**options, "data_path": "out", "benchmark_filename": list(PARTS)}
    found = run_recbole_ile(model, "loans", config_dict=again, saved=False)
    for key in ("test_result", "best_valid_result"):
        assert found[key] == pytest.approx(expected[key], abs=1e-6)
    for key in ("test_by_user_group", "test_by_item_group"):
        for row, same in zip(found[key], expected[key], strict=True):
            assert row == pytest.approx(same, abs=1e-6, nan_ok=True)


@pytest.mark.trains
@pytest.mark.draws
def test_lists_on_the_files_are_measured_as_a_run_measures_its_own(data: Path) -> None:
    assert main(["data", "split", "--dataset=loans", f"--data_path={data}", "--out=out"]) == 0
    options = {**QUIET, "metrics": METRICS, "data_path": "out", "benchmark_filename": list(PARTS)}
    expected = run_recbole_ile("EASE", "loans", config_dict=options)
    words = [f"--checkpoint={expected['checkpoint']}", "--all", "--k=5", "--out=ease.csv"]
    assert main(["recommend", *words]) == 0
    tables = {part: f"out/loans/loans.{part}.inter" for part in PARTS}
    tables |= {f"{kind}s": f"out/loans/loans.{kind}" for kind in ("item", "user")}
    settings = {"metrics": METRICS, "topk": 5, "metric_decimal_place": 12}
    found = evaluate_lists({"ease": "ease.csv"}, **tables, config_dict=settings)
    assert found.results["ease"]["test_result"] == pytest.approx(expected["test_result"], abs=1e-9)
