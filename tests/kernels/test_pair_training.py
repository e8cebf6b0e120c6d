"""Compiled training of pairs against ten lines of autograd in double precision."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from random_cases import cases

from recbole_ile.functional.correlation import popularity_correlation
from recbole_ile.functional.equalization import disparity, group_means
from recbole_ile.functional.robust_loss import robust_loss, updated_shares
from recbole_ile.kernels.adam_rows import Adam, Table, bring_up_to_date, make_table
from recbole_ile.kernels.disparity_loops import MAD
from recbole_ile.kernels.pair_state import ADAM, ADAM_W, SGD, Loss, Record, Updates, make_room, make_worker
from recbole_ile.kernels.pair_training import train_batches
from recbole_ile.kernels.pairs import Pairs

N_USERS, N_ITEMS, WIDTH, BATCH, N_GROUPS = 7, 9, 4, 6, 3
OPTIMIZERS = {ADAM: torch.optim.Adam, ADAM_W: torch.optim.AdamW, SGD: torch.optim.SGD}


def drawn(seed: int, size: int) -> tuple[np.random.Generator, Pairs, list[np.ndarray]]:
    generator = np.random.default_rng(seed)
    rows = (generator.integers(0, n, size).astype(np.int32) for n in (N_USERS, N_ITEMS, N_ITEMS))
    weights = [generator.normal(size=(n, WIDTH)).astype(np.float32) for n in (N_USERS, N_ITEMS)]
    return generator, Pairs(*rows, np.append(np.arange(0, size, BATCH), size)), weights


def train(
    pairs: Pairs, weights: list[np.ndarray], loss: Loss, updates: Updates, n_threads: int = 1
) -> tuple[int, Record, list[Table]]:
    n_batches = len(pairs.bounds) - 1
    record, room = Record(*np.zeros((2, n_batches)), *np.zeros((2, n_batches, N_GROUPS))), make_room(BATCH)
    users, items = [make_table([start, *np.zeros((2, *start.shape))], step=0) for start in weights]
    shapes = tuple(start.shape for start in weights)
    workers = [make_worker(number, n_threads, shapes, BATCH, N_GROUPS, updates) for number in range(n_threads)]
    with ThreadPoolExecutor(n_threads) as threads:
        common = (0, n_batches, 0, pairs, users, items, loss, updates, record, room)
        each = [threads.submit(train_batches, *common, worker) for worker in workers]
        (reached,) = {int(one.result()) for one in each}
    if updates.kind != SGD:
        for table in (users, items):
            bring_up_to_date(np.arange(len(table.rows)), reached, table, updates.adam, workers[0].gaps)
    return reached, record, [users, items]


def reference(
    pairs: Pairs, weights: list[np.ndarray], loss: Loss, updates: Updates
) -> tuple[list[float], list[torch.Tensor]]:
    users, items = (torch.tensor(start, dtype=torch.float64, requires_grad=True) for start in weights)
    adam = updates.adam
    further = {} if updates.kind == SGD else {"betas": (adam.beta1, adam.beta2), "eps": adam.epsilon}
    optimizer = OPTIMIZERS[updates.kind]([users, items], lr=adam.rate, weight_decay=updates.decay, **further)
    shifts, factors, groups = (torch.tensor(part) for part in (loss.shifts, loss.weights, loss.groups))
    popularity, shares, losses = torch.tensor(loss.popularity), torch.tensor(loss.shares), []
    for begin, end in zip(pairs.bounds[:-1], pairs.bounds[1:], strict=True):
        user, seen, sampled = (torch.tensor(rows[begin:end]).long() for rows in pairs[:3])
        scores = (users[user] * (items[seen] - items[sampled])).sum(dim=1) + shifts[seen] - shifts[sampled]
        each = -torch.log(loss.gamma + torch.sigmoid(scores))
        means, present = group_means(each, groups[seen], N_GROUPS)
        own = factors[seen] * each / (factors[seen].mean() if loss.normalize else 1.0)
        total = own.mean()
        if len(shares):
            own_means, _ = group_means(own, groups[seen], N_GROUPS)
            shares = updated_shares(shares, own_means, present, loss.step)
            total = robust_loss(shares, own_means, present)
        total = total + loss.penalty * disparity(means, present, "mad")
        if loss.correlation:
            r2 = popularity_correlation(torch.exp(-each), popularity[seen])
            total = (1 - loss.correlation) * total + loss.correlation * r2
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        losses.append(total.item())
    return losses, [users.detach(), items.detach()]


def make_loss(generator: np.random.Generator, penalty: float) -> Loss:
    shifts = generator.normal(size=N_ITEMS).astype(np.float32)
    weights = generator.uniform(0.2, 1.0, N_ITEMS).astype(np.float32)
    return Loss(1e-10, shifts, weights, generator.integers(0, N_GROUPS, N_ITEMS), penalty, MAD)


def with_all_terms(loss: Loss, generator: np.random.Generator, normalize: bool, correlation: float) -> Loss:
    popularity = generator.integers(0, 3, N_ITEMS).astype(np.float32)
    shares = np.full(N_GROUPS, 1.0 / N_GROUPS)
    return loss._replace(normalize=normalize, correlation=correlation, popularity=popularity, shares=shares, step=0.3)


@cases(60)
@given(
    size=st.integers(1, 120),
    seed=st.integers(0, 10_000),
    penalty=st.sampled_from([0.0, 0.5]),
    normalize=st.booleans(),
    correlation=st.sampled_from([0.0, 0.3, 1.0]),
    robust=st.booleans(),
)
def test_shares_weights_and_correlations_are_those_of_autograd(
    size: int, seed: int, penalty: float, normalize: bool, correlation: float, robust: bool
) -> None:
    generator, pairs, weights = drawn(seed, size)
    loss = with_all_terms(make_loss(generator, penalty), generator, normalize, correlation)
    loss = loss if robust else loss._replace(shares=np.empty(0))
    updates = Updates(SGD, Adam(0.05, 0.0, 0.0, 0.0), 0.0)
    losses, parameters = reference(pairs, weights, loss, updates)
    reached, record, tables = train(pairs, weights, loss, updates)
    assert reached == len(losses)
    np.testing.assert_allclose(record.losses + record.penalties, losses, rtol=1e-4, atol=1e-6)
    for table, expected in zip(tables, parameters, strict=True):
        np.testing.assert_allclose(table.rows[:, 0], expected.numpy(), rtol=1e-3, atol=1e-4)
    if robust:
        assert loss.shares.sum() == pytest.approx(1.0)


@pytest.mark.parametrize("kind", [ADAM, ADAM_W, SGD])
@cases(30)
@given(
    size=st.integers(1, 120),
    seed=st.integers(0, 10_000),
    penalty=st.sampled_from([0.0, 0.5]),
    decay=st.sampled_from([0.0, 0.01]),
)
def test_parameters_and_losses_are_those_of_autograd(
    kind: int, size: int, seed: int, penalty: float, decay: float
) -> None:
    generator, pairs, weights = drawn(seed, size)
    loss, updates = make_loss(generator, penalty), Updates(kind, Adam(0.01, 0.9, 0.999, 1e-3), decay)
    reached, record, tables = train(pairs, weights, loss, updates)
    losses, parameters = reference(pairs, weights, loss, updates)
    assert reached == len(losses)
    np.testing.assert_allclose(record.losses + record.penalties, losses, rtol=1e-4)
    assert record.counts.sum() == size
    for table, expected in zip(tables, parameters, strict=True):
        np.testing.assert_allclose(table.rows[:, 0], expected.numpy(), rtol=1e-4, atol=2e-5)


def test_a_loss_that_is_not_finite_stops_before_it_does_harm() -> None:
    generator, pairs, weights = drawn(1, 5 * BATCH)
    loss = make_loss(generator, 0.5)
    pairs.users[:] %= N_USERS - 1
    pairs.users[3 * BATCH] = N_USERS - 1  # who is met in the fourth batch first
    weights[0][N_USERS - 1, 0] = np.nan
    updates = Updates(ADAM, Adam(0.01, 0.9, 0.999, 1e-8), 0.0)
    reached, record, tables = train(pairs, weights, loss, updates)
    assert reached == 3
    assert np.isfinite(record.losses[:3]).all()
    assert np.isnan(record.losses[3])
    assert np.isfinite(tables[1].rows).all()


def test_weights_and_shifts_may_be_left_out() -> None:
    generator, pairs, weights = drawn(2, 60)
    nothing, updates = np.empty(0, dtype=np.float32), Updates(ADAM, Adam(0.01, 0.9, 0.999, 1e-8), 0.0)
    groups = generator.integers(0, N_GROUPS, N_ITEMS)
    without = Loss(1e-10, nothing, nothing, groups, 0.0, MAD)
    neutral = Loss(1e-10, np.zeros(N_ITEMS, np.float32), np.ones(N_ITEMS, np.float32), groups, 0.0, MAD)
    (_, _, own), (_, _, other) = (train(pairs, weights, loss, updates) for loss in (without, neutral))
    for one, two in zip(own, other, strict=True):
        np.testing.assert_array_equal(one.rows, two.rows)


@cases(20)
@given(
    size=st.integers(1, 120),
    seed=st.integers(0, 10_000),
    n_threads=st.sampled_from([2, 4]),
    decay=st.sampled_from([0.0, 0.01]),
)
def test_the_number_of_threads_does_not_change_a_bit(size: int, seed: int, n_threads: int, decay: float) -> None:
    generator, pairs, weights = drawn(seed, size)
    updates = Updates(ADAM, Adam(0.01, 0.9, 0.999, 1e-3), decay)
    loss = with_all_terms(make_loss(generator, 0.5), generator, normalize=True, correlation=0.3)
    if seed % 3 == 0:
        weights[0][seed % N_USERS, 0] = np.nan
    losses = [loss._replace(shares=loss.shares.copy()) for _ in range(2)]
    one, several = (train(pairs, weights, own, updates, n) for own, n in zip(losses, (1, n_threads), strict=True))
    np.testing.assert_array_equal(losses[0].shares, losses[1].shares)
    assert one[0] == several[0]
    for own, other in zip(
        (*one[1], *one[2][0], *one[2][1]), (*several[1], *several[2][0], *several[2][1]), strict=True
    ):
        np.testing.assert_array_equal(own, other)
