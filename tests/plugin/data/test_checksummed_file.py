"""What is read is what was written, or nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from rich_data import assert_same

from recbole_ile.plugin.data.checksummed_file import DamagedFile, read_checksummed, write_checksummed
from recbole_ile.plugin.data.json_state import NotStorable, from_json_state, to_json_state


def test_every_byte_of_an_entry_is_under_the_checksum(tmp_path: Path) -> None:
    path = tmp_path / "entry.npz"
    write_checksummed(path, "text", [np.arange(3)])
    content = path.read_bytes()
    for position in range(len(content)):
        path.write_bytes(content[:position] + bytes([content[position] ^ 255]) + content[position + 1 :])
        with pytest.raises(DamagedFile):
            read_checksummed(path)


@pytest.mark.parametrize(
    "array",
    [
        np.array(["[PAD]", "ä", "日本", "🎬"]),
        np.array([], dtype="<U3"),
        np.array([0, 255]),
        np.array([-1, 2**62]),
        np.arange(6).reshape(2, 3),
        np.array([0.1, np.nan]),
        np.array([True, False]),
        np.zeros((0, 4), dtype=np.float32),
    ],
)
def test_arrays_come_back_as_they_were(tmp_path: Path, array: np.ndarray) -> None:
    write_checksummed(tmp_path / "a.npz", "ä", [array])
    text, (found,) = read_checksummed(tmp_path / "a.npz")
    assert text == "ä"
    assert_same(found, array)


def test_what_cannot_be_written_plainly_is_refused() -> None:
    for value in (object(), {1, 2}, np.array([object()]), torch.zeros(2).to_sparse(), torch.zeros(())):
        with pytest.raises(NotStorable):
            to_json_state([value])
    shared = {"a": 1}
    found = from_json_state(*to_json_state([shared, shared]))
    assert found[0] is found[1]
