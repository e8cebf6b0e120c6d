"""Nothing that comes from outside is run: not values, not files, not names.

Checkpoints are tested in ``plugin/test_checkpoint.py``, archives in ``fetching/test_archive.py``, names in pages in
``commands/test_sweep.py``, in a browser, and ``report/test_comparison.py``.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from atomic import tiny_lines, write_atomic

import recbole_ile
from recbole_ile.cli import main

PACKAGE = Path(recbole_ile.__file__).parent
CODE = "__import__('pathlib').Path('ran').touch()"
RUNS = {
    "eval",
    "exec",
    "compile",
    "__import__",
    "os.system",
    "os.popen",
    "pickle.load",
    "pickle.loads",
    "yaml.unsafe_load",
}

OWN = {"launch": {"pickle.loads"}, "reading": {"pickle.load"}}
"""What reads only what other processes of the same run send, and what the user says to trust."""


def name_of(call: ast.Call) -> str:
    return ast.unparse(call.func)


def test_no_code_of_ours_evaluates_a_text() -> None:
    offenders = []
    for path in PACKAGE.rglob("*.py"):
        calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
        refused = RUNS - OWN.get(path.stem, set())
        offenders += [(path.name, name_of(call)) for call in calls if name_of(call) in refused]
        offenders += [(path.name, "shell") for call in calls if any(each.arg == "shell" for each in call.keywords)]
    assert offenders == []


@pytest.mark.parametrize(
    "words",
    [
        [f"--topk={CODE}"],
        [f"--ile_lambda={CODE}"],
        [f"--eval_args.split={CODE}"],
        [f"--data_path={CODE}"],
        [f"--{CODE}=1"],
        [f"--metrics=['{CODE}']"],
        ["--config_files=code.yaml"],
        ["--config_files=tag.yaml"],
    ],
)
def test_code_in_a_value_or_a_configuration_file_is_a_text(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    write_atomic(Path("data"), "tiny", tiny_lines())
    Path("code.yaml").write_text(f"ile_lambda: {CODE}\n")
    Path("tag.yaml").write_text("topk: !!python/object/apply:os.system ['touch ran']\n")
    usual = ["--topk=2", "--data_path=data", "--valid_metric=NDCG@2", "--epochs=1"]
    names = {word.partition("=")[0] for word in words}
    kept = [word for word in usual if word.partition("=")[0] not in names]
    assert main(["run", "--model=BPR_ILE", "--dataset=tiny", *kept, *words]) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith("error: ")
    assert not Path("ran").exists()


def test_no_file_joins_this_process_with_others(capsys: pytest.CaptureFixture[str]) -> None:
    """Processes that train together exchange pickles."""
    Path("join.yaml").write_text("local_rank: 0\nip: 192.0.2.1\nworld_size: 2\nport: '5678'\n")
    assert main(["run", "--model=BPR", "--dataset=ml-100k", "--config_files=join.yaml"]) == 2
    assert "join.yaml: ip says which processes train together" in capsys.readouterr().err
