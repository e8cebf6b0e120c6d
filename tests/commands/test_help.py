"""Help is read from the declarations: whoever adds a command, mitigation, metric or option has it explained."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from recbole.evaluator import register

from recbole_ile.cli import COMMANDS, main
from recbole_ile.commands import run
from recbole_ile.commands.parsers import load_command
from recbole_ile.commands.topics import explain
from recbole_ile.functional.distances import DISTANCES
from recbole_ile.plugin.catalogue.mitigations import known_mitigations
from recbole_ile.plugin.catalogue.properties import properties_dir
from recbole_ile.plugin.config.explained import OURS, RECBOLE, documented_options, option_notes
from recbole_ile.plugin.config.option_rules import shared_rules
from recbole_ile.plugin.evaluation.metrics import METRICS

IN_NO_FILE = {"nproc", "encoding", "tail_ratio"}
"""What has a rule but stands in no YAML file: RecBole's code reads it, or ``run`` alone."""


def lists_every_command(text: str) -> bool:
    """Tell whether each command stands in a line with what it is for, and an example below."""
    lines = text.splitlines()
    for name, path in COMMANDS.items():
        (place,) = (number for number, line in enumerate(lines) if line.split()[:1] == [name])
        assert lines[place].endswith(load_command(path).HELP)
        assert lines[place + 1].strip().startswith(f"$ recbole-ile {name}")
    return True


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"], ["help"]])
def test_all_commands_are_listed(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 0
    assert lists_every_command(capsys.readouterr().out)


def test_a_mistyped_command_is_named_with_the_near_miss(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["swep", "--model=BPR_ILE"]) == 2
    said = capsys.readouterr()
    assert lists_every_command(said.out)
    (line,) = said.err.splitlines()
    assert line.startswith("error: unknown command swep, did you mean sweep?; there are run, sweep")


def test_options_without_a_command_mean_run(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(run, "main", lambda arguments, rest: seen.append((arguments.model, rest)) or 0)
    assert main(["--model=BPR_ILE", "--epochs=1"]) == main(["run", "--model=BPR_ILE", "--epochs=1"]) == 0
    assert seen == [("BPR_ILE", ["--epochs=1"])] * 2


def test_the_versions(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["recbole_ile", "recbole", "torch"]


def test_every_option_is_explained_with_default_and_allowed_values() -> None:
    options = documented_options()
    declared = {key for each in known_mitigations().values() for key in each.keys}
    assert declared | set(shared_rules()) <= {*options, *IN_NO_FILE}
    for option in options.values():
        if option.owner != RECBOLE:
            assert option.meaning, f"{option.name} has no comment in its YAML file"
            assert option.takes, option.name
        if option.name in shared_rules():
            assert option.takes == shared_rules()[option.name].takes
    assert options["ile_lambda"].default == known_mitigations()["ILE"].options["ile_lambda"]
    assert {option.owner for option in options.values()} == {*known_mitigations(), OURS, RECBOLE}


@pytest.mark.parametrize(
    ("topic", "parts"),
    [
        ("ile_lambda", ("--ile_lambda", "option of ILE, 0.3 by default", "a number of at least 0", "Weight λ of the")),
        ("--ILE_LAMBDA=2", ("--ile_lambda", "0.3 by default")),
        ("eval_args.mode", ("--eval_args.mode", "full by default", "uni<N>")),
        ("embedding_size", ("64 by default", "BPR")),
        ("fast_loader", ("an option of every run", "True by default", "True or False")),
        ("mad", ("a distance of ILE",)),
        ("upd@10", ("UPD@k", "lower is better")),
        ("BPR", ("a general model", "Mitigations that work on it: LA,", "--embedding_size")),
        ("EASE", ("do not: it is solved in closed form", "EP")),
        ("BPR_LA", ("a general model", "LA: a mitigation", "--la_tau")),
        ("rerank", ("usage: recbole-ile rerank", "--scores")),
        ("trust_checkpoint", ("run, recommend, export: allow code",)),
    ],
)
def test_a_topic_is_explained(topic: str, parts: tuple[str, ...]) -> None:
    text = explain(topic, COMMANDS)
    assert [part for part in parts if part not in text] == [], text


def test_every_mitigation_metric_and_distance_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    topics = [*known_mitigations(), *(metric.__name__ for metric in METRICS), *DISTANCES]
    assert main(["help", *topics]) == 0
    text = capsys.readouterr().out
    for each in known_mitigations().values():
        assert f"{each.suffix}: a mitigation" in text
        for key, default in each.options.items():
            assert f"--{key}  an option of {each.suffix}, {'none' if default is None else default} by default" in text
    for metric in METRICS:
        assert f"{metric.__name__}@k, at every k of topk: a metric" in text
        assert register.metrics_dict[metric.__name__.lower()].__doc__.replace("``", "") in text


@pytest.mark.parametrize(("topic", "meant"), [("lambda", "ile_lambda"), ("UPDD", "UPD"), ("seep", "sweep")])
def test_an_unknown_topic_is_one_line_with_the_near_miss(
    topic: str, meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["help", topic]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: nothing is known of {topic}, did you mean {meant}?; help takes")


def test_notes_are_the_comments_of_a_file() -> None:
    path = Path("some.yaml")
    path.write_text('a: 1  # (int) One, or # more.\nb:  # (dict) Two.\n  c: "x"  # Three.\n# no key: here\nd: 4\n')
    assert option_notes(path) == {"a": "One, or # more.", "b": "Two.", "b.c": "Three.", "d": ""}
    assert option_notes(properties_dir() / "overall.yaml")["eval_memory"].startswith("Memory for")


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_a_shell_completes(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert "ile_distance" in script
    if shutil.which(shell) is None:
        return
    Path("script").write_text(script)
    assert subprocess.run([shell, "-n", "script"], capture_output=True, text=True).stderr == ""


@pytest.mark.parametrize(
    ("words", "whole"),
    [("re", "recommend rerank"), ("run --ile_dist", "--ile_distance"), ("run --ile_distance m", "mad")],
)
def test_bash_completes_commands_options_and_values(words: str, whole: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["completion", "bash"])
    Path("script").write_text(capsys.readouterr().out)
    asked = (
        f"source ./script; COMP_WORDS=(recbole-ile {words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); "
        "$(complete -p recbole-ile | sed 's/.*-F \\([^ ]*\\).*/\\1/'); echo ${COMPREPLY[@]}"
    )
    said = subprocess.run(["bash", "-c", asked], capture_output=True, text=True)
    assert said.stdout.strip() == whole, said.stderr


def test_a_shell_that_is_not_known_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "bahs"]) == 2
    assert "did you mean bash?; it takes bash, zsh, tcsh" in capsys.readouterr().err
