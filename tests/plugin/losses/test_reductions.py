"""What a loss reduces is kept, and the loss returns what it always did."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from recbole.model.general_recommender.convncf import ConvNCFBPRLoss
from recbole.model.general_recommender.line import NegSamplingLoss
from recbole.model.loss import BPRLoss
from torch import nn

from recbole_ile.plugin.losses.observers import listen
from recbole_ile.plugin.losses.reductions import LogLikelihoods, Reductions

Inputs = tuple[torch.Tensor, torch.Tensor]


def scores(seed: int, n: int) -> Inputs:
    return torch.randn(n, generator=torch.manual_seed(seed), requires_grad=True), torch.randn(n)


def with_labels(seed: int, n: int) -> Inputs:
    return torch.randn(n, generator=torch.manual_seed(seed), requires_grad=True), torch.randint(2, (n,)).float()


def probabilities(seed: int, n: int) -> Inputs:
    return torch.rand(n, generator=torch.manual_seed(seed), requires_grad=True), torch.randint(2, (n,)).float()


def classes(seed: int, n: int) -> Inputs:
    return torch.randn(n, 7, generator=torch.manual_seed(seed), requires_grad=True), torch.randint(7, (n,))


LOSSES: list[tuple[Callable[[], nn.Module], Callable[[int, int], Inputs]]] = [
    (BPRLoss, scores),
    (ConvNCFBPRLoss, scores),
    (NegSamplingLoss, lambda seed, n: (torch.ones(n), scores(seed, n)[0])),
    (nn.BCEWithLogitsLoss, with_labels),
    (lambda: nn.BCEWithLogitsLoss(reduction="sum"), with_labels),
    (nn.BCELoss, probabilities),
    (nn.MSELoss, scores),
    (nn.CrossEntropyLoss, classes),
    (lambda: nn.CrossEntropyLoss(reduction="sum"), classes),
    (nn.NLLLoss, classes),
]


@pytest.mark.parametrize(("make", "draw"), LOSSES)
@given(seed=st.integers(0, 99), n=st.integers(1, 40))
def test_a_listened_loss_is_the_same_and_shows_its_parts(
    make: Callable[[], nn.Module], draw: Callable[[int, int], Inputs], seed: int, n: int
) -> None:
    inputs, module = draw(seed, n), make()
    learned = [value for value in inputs if value.requires_grad]
    plain = module(*inputs)
    reductions = listen(module)
    listened = module(*inputs)
    assert torch.equal(plain, listened)
    for one, other in zip(torch.autograd.grad(plain, learned), torch.autograd.grad(listened, learned), strict=True):
        assert torch.equal(one, other)
    (kept,) = reductions.take()
    assert kept.values.shape == (n,)
    torch.testing.assert_close(kept.scale * kept.values.sum(), plain)


def test_the_values_carry_the_gradient_of_their_own_interaction() -> None:
    for make, draw in LOSSES:
        inputs, module = draw(3, 5), make()
        reductions = listen(module)
        module(*inputs)
        (kept,) = reductions.take()
        (learned,) = [value for value in inputs if value.requires_grad]
        (gradient,) = torch.autograd.grad(kept.values[2], learned)
        touched = gradient.reshape(5, -1).abs().sum(dim=1) > 0
        assert touched.tolist() == [False, False, True, False, False], make


def test_a_reduction_over_a_dimension_is_no_loss() -> None:
    with Reductions() as reductions:
        torch.ones(2, 3).sum(dim=1)
        torch.tensor(1.0).mean()
        F.mse_loss(torch.ones(2), torch.zeros(2), reduction="none")
    assert reductions.take() == []


def test_a_cross_entropy_with_weights_or_smoothing_is_kept_too() -> None:
    given, target = classes(1, 6)
    for options in ({"label_smoothing": 0.1}, {"weight": torch.rand(7), "reduction": "sum"}):
        with Reductions() as reductions:
            result = F.cross_entropy(given, target, **options)
        assert torch.equal(result, F.cross_entropy(given, target, **options))
        (kept,) = reductions.take()
        torch.testing.assert_close(kept.scale * kept.values.sum(), result)


def test_likelihoods_are_the_product_with_the_matrix_of_interactions() -> None:
    matrix = torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
    given = torch.randn(2, 3)
    with LogLikelihoods() as likelihoods:
        (F.log_softmax(given, 1) * matrix).sum(1).mean()
        given * matrix
    ((product, interactions),) = likelihoods.take()
    torch.testing.assert_close(product, torch.log_softmax(given, 1) * matrix)
    assert interactions is matrix
