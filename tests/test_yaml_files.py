"""YAML is data, and no larger than it looks."""

from __future__ import annotations

from pathlib import Path

import pytest

from recbole_ile import InputError, yaml_files
from recbole_ile.plugin.config.values import read_config_file
from recbole_ile.yaml_files import count_values, read_yaml

LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10)
)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (LAUGHS, "values through its aliases"),
        ("a: &a [*a]\n", "an alias holds itself"),
        ("[" * 100_000, "is not valid YAML"),
        ("a: !!python/object/apply:os.system ['touch ran']\n", "is not valid YAML"),
        ("a: !!python/name:os.system\n", "is not valid YAML"),
        ("a: b: c\n", "is not valid YAML"),
    ],
)
def test_what_is_no_plain_data_is_refused(text: str, told: str) -> None:
    Path("x.yaml").write_text(text)
    for read in (lambda: read_yaml("x.yaml", "file"), lambda: read_config_file("x.yaml")):
        with pytest.raises(InputError, match=told):
            read()
    assert not Path("ran").exists()


def test_a_file_that_is_too_large_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("x.yaml").write_text("a: 1\n")
    monkeypatch.setattr(yaml_files, "LARGEST_FILE", 4)
    with pytest.raises(InputError, match="too large: it has 5 bytes, 4 at most"):
        read_yaml("x.yaml", "file")


def test_aliases_are_fine() -> None:
    Path("x.yaml").write_text("a: &a {k: 1}\nb: *a\nc: [*a, *a]\n")
    content = read_yaml("x.yaml", "file")
    assert content == {"a": {"k": 1}, "b": {"k": 1}, "c": [{"k": 1}, {"k": 1}]}
    assert count_values(content) == 17
