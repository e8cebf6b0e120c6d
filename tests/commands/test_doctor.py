"""``doctor --models`` says of every model of RecBole what works on it, and what it needs that is not there."""

from __future__ import annotations

import importlib.util

import pytest
from model_data import why_not

from recbole_ile import InputError, get_model
from recbole_ile.cli import main
from recbole_ile.plugin.catalogue.mitigations import known_mitigations
from recbole_ile.plugin.catalogue.models import _class_of, model_names
from recbole_ile.plugin.catalogue.support import PACKAGES, missing_packages


def rows(capsys: pytest.CaptureFixture[str]) -> dict[str, list[str]]:
    assert main(["doctor", "--models"]) == 0
    lines = capsys.readouterr().out.splitlines()
    cells = [[cell.strip() for cell in line.strip("│┃").split("│")] for line in lines if line.startswith("│")]
    return {row[0]: row for row in cells if row[0]}


def test_the_table_has_every_model_and_every_mitigation(capsys: pytest.CaptureFixture[str]) -> None:
    found = rows(capsys)
    assert list(found) == model_names()
    for model, row in found.items():
        works = ["works" if why_not(mitigation, model) is None else "-" for mitigation in known_mitigations()]
        assert row[2 : 2 + len(works)] == works


def test_what_the_table_says_of_a_name_is_what_becomes_of_it() -> None:
    for model in model_names():
        for mitigation in known_mitigations():
            works = why_not(mitigation, model) is None and not missing_packages(model)
            try:
                get_model(f"{model}_{mitigation}")
            except InputError:
                assert not works, (model, mitigation)
            else:
                assert works, (model, mitigation)


@pytest.mark.parametrize("model", PACKAGES)
def test_a_package_that_is_not_there_is_named_in_the_table_and_in_the_error(
    model: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *further: None if name in PACKAGES[model] else found(name, *further)
    )
    _class_of.cache_clear()
    note = rows(capsys)[model][-1]
    for package in PACKAGES[model]:
        assert f"needs {package}, which is not installed" in note
    assert main(["run", f"--model={model}", "--dataset=ml-100k"]) == 2
    error = capsys.readouterr().err
    assert f"model {model} needs a package that is not installed: {' and '.join(PACKAGES[model])}" in error
    assert error.count("\n") == 1
