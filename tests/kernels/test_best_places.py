"""The largest values of each row: against sorting, with any threads."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from recbole_ile.kernels import row_threads
from recbole_ile.kernels.best_places import best_places
from recbole_ile.kernels.row_threads import over_rows

ODD = st.sampled_from([0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 1e-45, -1e-45, 3e38, -3e38])
VALUES = arrays(np.float32, st.tuples(st.integers(1, 5), st.integers(1, 40)), elements=ODD | st.floats(-9, 9, width=32))


def by_sorting(row: np.ndarray, k: int) -> list[int]:
    order = sorted(
        range(len(row)), key=lambda place: (np.isnan(row[place]), 0 if np.isnan(row[place]) else -row[place])
    )
    return sorted(order[:k])


@given(VALUES, st.data())
def test_they_are_the_first_of_the_sorted_row(values: np.ndarray, data: st.DataObject) -> None:
    k = data.draw(st.integers(1, values.shape[1]))
    assert best_places(torch.from_numpy(values), k).tolist() == [by_sorting(row, k) for row in values]


@given(st.integers(1, 3000), st.integers(0, 9))
def test_many_values_of_every_size_are_told_apart(k: int, seed: int) -> None:
    draw = np.random.default_rng(seed)
    values = (draw.normal(size=(2, 3000)) * 10.0 ** draw.integers(-30, 30, (2, 1))).astype(np.float32)
    expected = np.sort(np.argsort(-values, axis=1, kind="stable")[:, :k], axis=1)
    assert best_places(torch.from_numpy(values), k).tolist() == expected.tolist()


def test_other_kinds_of_numbers_follow_the_same_rule() -> None:
    values = torch.tensor([[1.0, 3.0, 2.0]], dtype=torch.float64)
    assert best_places(values, 2).tolist() == [[1, 2]]
    ties = torch.tensor([[2.0, 1.0] * 40], dtype=torch.float64)
    assert best_places(ties, 3).tolist() == best_places(ties.float(), 3).tolist() == [[0, 2, 4]]
    assert best_places(values.float(), 0).shape == (1, 0)
    assert best_places(values.float().expand(2, 3)[:, 1:], 1).tolist() == [[0], [0]]


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_rows_are_shared_out_among_threads(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_threads, "LEAST", 1)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        done = np.zeros((threads, 7))
        over_rows(lambda part, rows: done[part].__setitem__(rows, 1.0), 7, 4)
        values = torch.randn(7, 50)
        assert best_places(values, 9).tolist() == values.topk(9).indices.sort().values.tolist()
    finally:
        torch.set_num_threads(before)
    assert (done.sum(axis=0) == 1).all()
    assert (done.sum(axis=1) > 0).all()
