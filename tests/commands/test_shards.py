"""Lists of everybody in a folder: those of one file to the bit, whatever stopped them on the way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from recbole_ile import run_recbole_ile
from recbole_ile.cli import main
from recbole_ile.commands import shards
from recbole_ile.commands.shard_worker import Job, writer_of
from recbole_ile.plugin.runs.recommendation import Recommender

OPTIONS: dict[str, Any] = {"epochs": 1, "topk": 2, "valid_metric": "NDCG@2", "show_progress": False, "state": "ERROR"}


@pytest.fixture
def checkpoint(tiny: Path) -> str:
    return run_recbole_ile("BPR", "tiny", config_dict={**OPTIONS, "data_path": str(tiny)})["checkpoint"]


def recommend(checkpoint: str, *words: str) -> int:
    return main(["recommend", f"--checkpoint={checkpoint}", "--k=3", *words])


def contents(folder: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path(folder).glob("[!.]*")}


@pytest.mark.trains
@pytest.mark.parametrize("model", ["BPR", "BPR_EP_CP"])
def test_the_lists_are_those_of_one_file(
    checkpoint: str, model: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("recbole_ile.plugin.runs.recommendation.fit_to_memory", four_at_once)
    words = [f"--model={model}", "--all"]
    assert recommend(checkpoint, *words, "--out=recs.parquet") == 0
    for size in (5, 99):
        assert recommend(checkpoint, *words, f"--out=lists-{size}/", f"--shard_users={size}") == 0
        pd.testing.assert_frame_equal(
            pd.read_parquet(f"lists-{size}"), pd.read_parquet("recs.parquet"), check_exact=True
        )
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("6 users, lists of 3, without what they have used, 1 files in lists-99; ")


def four_at_once(loader: Any, *_: Any) -> None:
    loader.set_batch_entries(4)


@pytest.mark.trains
def test_what_was_interrupted_goes_on_to_the_same_files(
    checkpoint: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--model=BPR_EP", "--all", "--shard_users=2"]
    assert recommend(checkpoint, *words, "--out=whole/") == 0
    between = Recommender.between

    def interrupted(self: Recommender, first: int, last: int) -> Iterator[Any]:
        for block in between(self, first, last):
            yield block
            if first == 2:
                raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Recommender, "between", interrupted)
        assert recommend(checkpoint, *words, "--out=lists/") == 130
    assert "the same command goes on with the files that are missing" in capsys.readouterr().err
    assert sorted(contents("lists")) == ["_manifest.json", "lists-000000.parquet"]
    monkeypatch.setattr("torch.get_num_threads", lambda: 7)
    monkeypatch.setattr("recbole_ile.plugin.runs.recommendation.fit_to_memory", four_at_once)
    assert recommend(checkpoint, *words[:-1], "--out=lists/") == 0
    assert "3 files in lists, of which 1 were there" in capsys.readouterr().out
    assert contents("lists") == contents("whole")


@pytest.mark.trains
def test_other_lists_and_data_are_refused(checkpoint: str, tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert recommend(checkpoint, "--all", "--out=lists/") == 0
    before = contents("lists")
    for words, message in [
        (["--model=BPR_CP"], "made with model='BPR', not 'BPR_CP'"),
        (["--item_group_split=[0.5,0.5]"], "made with item_group_split="),
        (["--shard_users=2"], "made with shard_users=100000, not 2"),
        (["--k=2"], "made with k=3, not 2"),
    ]:
        assert recommend(checkpoint, "--all", "--out=lists", *words) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert message in line
    with open(tiny / "tiny" / "tiny.inter", "a", encoding="utf-8") as file:
        file.write("ann\th\n")
    assert recommend(checkpoint, "--all", "--out=lists") == 2
    assert "made with another data" in capsys.readouterr().err
    assert contents("lists") == before


@pytest.mark.trains
def test_another_machine_needs_neither_the_data_nor_the_checkpoint(
    checkpoint: str, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["--model=BPR_EP_CP", "--all", "--shard_users=2"]
    assert recommend(checkpoint, *words, "--out=one/") == 0
    handed: list[Job] = []
    monkeypatch.setattr(shards, "_spread", lambda _arguments, job, *_: handed.append(job))
    assert recommend(checkpoint, *words, "--out=other/", "--address=auto") == 0
    (job,) = handed
    tiny.rename("gone")
    Path(checkpoint).rename("gone.pth")
    monkeypatch.setattr("recbole_ile.plugin.training.learned_ranking.LearnedRanking.settle", None)
    write = writer_of(job)
    for number in range(3):
        write(number)
    assert contents("other") == contents("one")


@pytest.mark.slow
def test_a_cluster_of_two_machines_writes_the_same_files(checkpoint: str, capfd: pytest.CaptureFixture[str]) -> None:
    import ray
    from ray.cluster_utils import Cluster

    words = ["--model=BPR_EP_CP", "--all", "--shard_users=2"]
    assert recommend(checkpoint, *words, "--out=one/") == 0
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        cluster.add_node(num_cpus=1)
        capfd.readouterr()
        assert recommend(checkpoint, *words, "--out=several/", f"--address={cluster.address}") == 0
        said = capfd.readouterr()
        assert said.err == ""
        assert [line.partition(",")[0] for line in said.out.splitlines()[:3]] == [f"file {n} of 3" for n in (1, 2, 3)]
        assert contents("several") == contents("one")
        Path("several/lists-000001.parquet").unlink()
        assert recommend(checkpoint, *words, "--out=several/") == 0
        assert contents("several") == contents("one"), "what a cluster began goes on here"
    finally:
        ray.shutdown()
        cluster.shutdown()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--users=ann", "--out=lists/"], "option out=lists/: a folder takes the lists of --all"),
        (["--all", "--out=lists/", "--names"], "option names: the files of a folder have no titles"),
        (["--all", "--out=lists/", "--shard_users=0"], "option shard_users=0 is not allowed"),
        (["--all", "--out=lists/", "--shard_users=x"], "option shard_users=x is not allowed"),
        (["--all", "--out=recs.csv", "--shard_users=5"], "option shard_users=5 is of no use for one file"),
        (["--all", "--out=recs.csv", "--address=auto"], "option address=auto is of no use for one file"),
        (["--all", "--out=file.csv/"], "option out=file.csv/ is a file"),
        (["--all", "--out=nowhere/lists/"], "the folder nowhere does not exist"),
        (["--all", "--out=theirs/"], "option out=theirs: the folder has files"),
        (["--all", "--out=lists/"], "nothing.pth does not exist"),
    ],
)
def test_wrong_input_is_one_line(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("file.csv").write_text("")
    Path("theirs").mkdir()
    Path("theirs/their.parquet").write_text("")
    assert recommend("nothing.pth", *words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
