"""A data set is there as a whole or not at all."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from publisher import everything

from recbole_ile.errors import InputError
from recbole_ile.fetching.staging import staging


def test_files_appear_together() -> None:
    with staging(Path("deep/down/mine")) as staged:
        (staged / "mine.inter").write_text("new")
        assert not Path("deep/down/mine").exists()
    assert everything(Path("deep")) == [Path("deep/down"), Path("deep/down/mine"), Path("deep/down/mine/mine.inter")]
    assert stat.S_IMODE(Path("deep/down/mine").stat().st_mode) == stat.S_IMODE(Path("deep").stat().st_mode)


def test_files_of_the_same_name_are_replaced_and_others_stay() -> None:
    Path("mine").mkdir()
    Path("mine/mine.inter").write_text("old")
    Path("mine/mine.link").write_text("old")
    with staging(Path("mine")) as staged:
        (staged / "mine.inter").write_text("new")
    assert {path.name: path.read_text() for path in everything(Path("mine"))} == {
        "mine.inter": "new",
        "mine.link": "old",
    }
    assert everything(Path()) == [Path("mine"), Path("mine/mine.inter"), Path("mine/mine.link")]


def fail_in(folder: Path, error: BaseException) -> None:
    with staging(folder) as staged:
        (staged / "mine.inter").write_text("new")
        raise error


@pytest.mark.parametrize("error", [KeyboardInterrupt(), InputError("no"), MemoryError()])
def test_nothing_is_left_of_what_did_not_end_well(error: BaseException) -> None:
    Path("kept").mkdir()
    for folder in ("deep/down/mine", "kept/mine"):
        with pytest.raises(type(error)):
            fail_in(Path(folder), error)
    assert everything(Path()) == [Path("kept")]


def test_a_full_disk_and_a_file_in_the_way_are_told() -> None:
    with pytest.raises(InputError, match="mine cannot be written: No space left on device"), staging(Path("a/mine")):
        raise OSError(28, "No space left on device")
    Path("file").write_text("")
    with pytest.raises(InputError, match="mine cannot be written: Not a directory"), staging(Path("file/mine")):
        pytest.fail("nothing can be written there")
    assert everything(Path()) == [Path("file")]
