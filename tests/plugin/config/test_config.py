"""The configuration: RecBole's defaults and ours, what a user may write, and what is refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from recbole.config import Config

from recbole_ile import InputError
from recbole_ile.cli import main
from recbole_ile.plugin.catalogue.properties import defaults, preset_file, properties_dir
from recbole_ile.plugin.config.config import IleConfig, for_recbole
from recbole_ile.plugin.config.values import read_literal
from recbole_ile.plugin.data.popularity import SETTINGS


def config(model: str = "BPR_ILE", files: list[str] | None = None, **options: Any) -> IleConfig:
    return IleConfig(model, "ml-100k", files, options)


def test_a_suffixed_model_has_the_defaults_of_its_base_and_of_the_mitigation() -> None:
    found = config("LightGCN_ILE")
    assert found["n_layers"] == Config("LightGCN", "ml-100k", config_dict={})["n_layers"]
    assert found["ile_lambda"] == defaults("mitigation/ILE.yaml")["ile_lambda"]
    assert found["metrics"][-3:] == ["UPD", "AD", "EE"]


def test_context_aware_models_keep_recboles_own_metrics() -> None:
    assert config("FM")["metrics"] == ["AUC", "LogLoss"]


def test_the_base_models_name_is_shown_only_within_its_context() -> None:
    found = config()
    asked = for_recbole(found)
    assert asked["model"] == "BPR"
    assert found["model"] == "BPR_ILE"


def test_options_win_over_files_and_files_over_defaults(tmp_path: Path) -> None:
    first, second = tmp_path / "first.yaml", tmp_path / "second.yaml"
    first.write_text("ile_lambda: 0.5\nepochs: 3\nlearning_rate: 1e-4\n")
    second.write_text("epochs: 4\n")
    found = config(files=[str(first), str(second)], ile_lambda="0.75")
    assert (found["ile_lambda"], found["epochs"], found["learning_rate"]) == (0.75, 4, 1e-4)


def test_a_key_with_dots_sets_one_entry() -> None:
    found = config(
        **{"eval_args.order": "RO", "eval_args.split.RS": "[0.7,0.1,0.2]", "train_neg_sample_args.alpha": "0.5"}
    )
    assert found["eval_args"]["split"] == {"RS": [0.7, 0.1, 0.2]}
    assert found["eval_args"]["group_by"] == "user"
    assert found["train_neg_sample_args"]["alpha"] == 0.5
    assert found["train_neg_sample_args"]["distribution"] == "uniform"


def test_the_whole_dictionary_of_a_higher_source_wins_over_one_entry_of_a_lower(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("eval_args.order: bogus\nepochs: 2\n")
    (tmp_path / "b.yaml").write_text("eval_args: {order: RO}\n")
    assert config(files=[str(tmp_path / "a.yaml"), str(tmp_path / "b.yaml")])["eval_args"]["order"] == "RO"
    assert config(files=[str(tmp_path / "a.yaml")], eval_args="{'order': 'RO'}")["eval_args"]["order"] == "RO"


def test_a_split_is_replaced_and_not_added_to() -> None:
    assert config(**{"eval_args.split.LS": "valid_and_test"})["eval_args"]["split"] == {"LS": "valid_and_test"}


def test_nothing_is_read_from_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["notebook", "--learning_rate=7", "--nonsense=1"])
    assert config()["learning_rate"] == 0.001


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.1", 0.1),
        ("[5, 10]", [5, 10]),
        ("true", True),
        ("False", False),
        ("None", None),
        ("std", "std"),
        ("1e-4", 1e-4),
        ("[NDCG,UPD]", ["NDCG", "UPD"]),
        ("[train, valid,test ]", ["train", "valid", "test"]),
        ("[a,2]", "[a,2]"),
        ("[0,inf]", "[0,inf]"),
        ("[a;b]", "[a;b]"),
        ("[os.system(1)]", "[os.system(1)]"),
    ],
)
def test_strings_are_read_as_literals(text: str, value: Any) -> None:
    assert read_literal(text) == value


def test_no_string_is_evaluated(tmp_path: Path) -> None:
    code = f"__import__('pathlib').Path({str(tmp_path / 'ran')!r}).touch()"
    with pytest.raises(InputError):
        config(topk=code)
    assert not (tmp_path / "ran").exists()


WRONG = [
    ({"ile_lambda": -1}, "option ile_lambda=-1 is not allowed; it takes a number of at least 0"),
    ({"ile_lambda": "much"}, "ile_lambda='much'"),
    ({"ile_lambda": float("nan")}, "ile_lambda=nan"),
    ({"ile_distance": "sdt"}, "ile_distance='sdt' is not allowed, did you mean std?"),
    ({"item_group_split": [0.5, 0.6]}, "option item_group_split=.* add up to 1"),
    ({"item_group_split": 0.5}, "option item_group_split=0.5"),
    ({"item_group_by": "genre"}, "it takes interactions, items"),
    ({"user_group_num": 0}, "user_group_num=0"),
    ({"user_group_field": 5}, "option user_group_field=5 is not allowed"),
    ({"user_group_feild": "sex"}, "unknown option user_group_feild, did you mean user_group_field?"),
    ({"metrics": ["PopREQ"]}, "unknown metric PopREQ, did you mean popreo?"),
    ({"metrics": ["NDGC"]}, "unknown metric NDGC, did you mean ndcg?"),
    ({"valid_metric": "UDP@10"}, "unknown metric, did you mean upd?"),
    ({"valid_metric": "NDCG@20"}, "needs a k of topk"),
    ({"valid_metric": "NDCG@010"}, "needs a k of topk"),
    ({"valid_metric": "NDCG@²"}, "needs a k of topk"),
    ({"valid_metric": "NDCG@\N{ARABIC-INDIC DIGIT TWO}"}, "needs a k of topk"),
    ({"valid_metric": "GAUC"}, "is not among metrics"),
    ({"valid_metric": "GAUC@10", "metrics": ["GAUC"]}, "GAUC has no k; write GAUC"),
    ({"topk": 0}, "topk=0"),
    ({"topk": "ten"}, "topk='ten'"),
    ({"ile_lamda": 1}, "unknown option ile_lamda, did you mean ile_lambda?"),
    ({"eval_args.ordr": "TO"}, "unknown option eval_args.ordr, did you mean order?"),
    ({"epochs": 1.5}, "epochs=1.5 is not allowed; it takes a whole number of at least 0"),
    ({"learning_rate": 0}, "learning_rate=0 is not allowed; it takes a number above 0"),
    ({"learning_rate.x": 1}, "not a dictionary"),
    ({"learner": "adm"}, "did you mean adam?"),
    ({"shuffle": 3}, "shuffle=3 is not allowed; it takes True or False"),
    ({"eval_args.mode": "half"}, "eval_args.mode='half' is not allowed; it takes full, labeled, or uni<N>"),
]


@pytest.mark.parametrize(("options", "message"), WRONG, ids=[next(iter(options)) for options, _ in WRONG])
def test_wrong_settings_are_refused_with_what_is_allowed(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        config(**options)


def test_smaller_is_better_for_upd() -> None:
    assert config(valid_metric="UPD@10")["valid_metric_bigger"] is False
    assert config(valid_metric="EE@10")["valid_metric_bigger"] is True


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "does not exist"),
        ("", "is empty"),
        ("a: [1", "not valid YAML"),
        ("- 1", "no `key: value`"),
        ("a: !!python/name:os.system", "not valid YAML"),
    ],
)
def test_an_unusable_file_is_refused(tmp_path: Path, content: str | None, message: str) -> None:
    path = tmp_path / "settings.yaml"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError, match=message) as refusal:
        config(files=[str(path)])
    assert str(path) in str(refusal.value)


def test_a_missing_file_names_its_neighbour(tmp_path: Path) -> None:
    (tmp_path / "settings.yaml").write_text("epochs: 1")
    with pytest.raises(InputError, match=r"did you mean settings.yaml\?"):
        config(files=[str(tmp_path / "setings.yaml")])


def test_every_preset_is_a_valid_configuration() -> None:
    names = [path.stem for path in (properties_dir() / "preset").glob("*.yaml")]
    assert "paper-ml-1m" in names
    for name in names:
        assert config(files=[preset_file(name)])["epochs"] == 500
    with pytest.raises(InputError, match=r"unknown preset paper-ml-m1, did you mean paper-ml-1m\?"):
        preset_file("paper-ml-m1")


def test_every_default_of_the_groups_is_in_the_file() -> None:
    assert set(SETTINGS) <= set(defaults("overall.yaml"))


def test_an_assigned_gpu_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    config()
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "3"
    config(gpu_id="1")
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "1"
    config()
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "0", "what a configuration wrote is nobody's assignment"


@pytest.mark.trains
def test_properties_are_found_from_anywhere(tmp_path: Path) -> None:
    code = (
        "from recbole_ile.plugin.catalogue.properties import defaults; "
        "print(defaults('overall.yaml')['user_group_num'])"
    )
    root = str(Path(__file__).parents[2])
    seen = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": root, "PATH": "/usr/bin"},
        capture_output=True,
        text=True,
    )
    assert seen.stdout.strip() == "5", seen.stderr


def test_a_users_own_keys_are_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "own.yaml"
    path.write_text("my_note: good\nplace:\n  of: {it: 1}\nepochs: 2\n")
    found = config(files=[str(path)], zzz_experiment="third")
    assert (found["my_note"], found["epochs"], found["zzz_experiment"]) == ("good", 2, "third")
    config(files=[str(path)], zzz_experiment="third")
    assert [record.message for record in caplog.records] == [
        "the configuration has keys that neither RecBole nor this plugin reads: my_note, place, zzz_experiment"
    ]


@pytest.mark.parametrize("key", ["learning_rte", "epoch", "time_aware", "ile_lamda", "train_neg_sample_arg.alpha"])
def test_a_misspelt_key_is_nobodys_own(tmp_path: Path, key: str) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(f"{key}: 1\n")
    with pytest.raises(InputError, match=f"^unknown option {key}, did you mean "):
        config(files=[str(path)])
    with pytest.raises(InputError, match=f"^unknown option {key}, did you mean "):
        config(**{key: 1})


@pytest.mark.parametrize("command", ["run --model=BPR", "sweep --model=BPR_ILE", "compare --base=BPR"])
def test_on_the_command_line_every_key_is_known(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command.split(), "--dataset=ml-100k", "--my_note=good"]) == 2
    assert capsys.readouterr().err.startswith("error: unknown option my_note")


@pytest.mark.parametrize("model", ["DiffRec", "LDiffRec"])
def test_a_key_with_a_hyphen_is_an_option_too(model: str) -> None:
    assert config(model, **{"time-aware": "True"})["time-aware"] is True
    with pytest.raises(InputError, match="time-aware=3 is not allowed; it takes True or False"):
        config(model, **{"time-aware": 3})


def test_nothing_that_was_given_is_changed() -> None:
    given = {"train_neg_sample_args": {"distribution": "uniform"}}
    IleConfig("BPR", "ml-100k", config_dict=given)
    assert given == {"train_neg_sample_args": {"distribution": "uniform"}}


def test_one_and_zero_are_true_and_false() -> None:
    found = config(shuffle=0, filter_inter_by_user_or_item=1)
    assert (found["shuffle"], found["filter_inter_by_user_or_item"]) == (False, True)
    assert found["filter_inter_by_user_or_item"] is True


def test_a_number_is_one_whatever_other_calls_in_the_process_did_to_pyyaml(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text("learning_rate: 1e-4\n")
    rules = {first: list(each) for first, each in yaml.FullLoader.yaml_implicit_resolvers.items()}
    for _ in range(3):
        assert IleConfig("BPR", "ml-100k", [str(file)])["learning_rate"] == 1e-4
        yaml.FullLoader.yaml_implicit_resolvers = {}
    yaml.FullLoader.yaml_implicit_resolvers = rules


def test_configurations_leave_pyyaml_as_small_as_it_is() -> None:
    IleConfig("BPR", "ml-100k")
    before = sum(map(len, yaml.FullLoader.yaml_implicit_resolvers.values()))
    IleConfig("BPR", "ml-100k")
    assert sum(map(len, yaml.FullLoader.yaml_implicit_resolvers.values())) == before
