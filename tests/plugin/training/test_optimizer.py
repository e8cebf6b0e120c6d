"""Fused optimisers take the same steps as plain ones."""

from __future__ import annotations

import pytest
import torch

from recbole_ile.plugin.training.optimizer import fused

KINDS = [
    (torch.optim.Adam, {"lr": 0.1, "weight_decay": 0.01}),
    (torch.optim.AdamW, {"lr": 0.1, "weight_decay": 0.01}),
    (torch.optim.SGD, {"lr": 0.1, "weight_decay": 0.01}),
    (torch.optim.Adagrad, {"lr": 0.1, "weight_decay": 0.01}),
    (torch.optim.RMSprop, {"lr": 0.1, "weight_decay": 0.01}),
]


@pytest.mark.parametrize(("kind", "settings"), KINDS)
def test_steps_and_settings_stay_the_same(kind: type[torch.optim.Optimizer], settings: dict[str, float]) -> None:
    weights = [torch.nn.Parameter(torch.linspace(-1, 1, 12).reshape(3, 4)) for _ in range(2)]
    optimizers = [kind([weights[0]], **settings), fused(kind([weights[1]], **settings))]
    for step in range(4):
        for weight, optimizer in zip(weights, optimizers, strict=True):
            optimizer.zero_grad()
            (weight**2 * (step + 1)).sum().backward()
            optimizer.step()
    torch.testing.assert_close(*weights)
    assert type(optimizers[1]) is kind
    assert {name: optimizers[1].param_groups[0][name] for name in settings} == settings
    assert optimizers[1].param_groups[0].get("fused") is (None if kind is torch.optim.RMSprop else True)


def test_groups_keep_their_own_settings() -> None:
    weights = [torch.nn.Parameter(torch.ones(2)) for _ in range(2)]
    groups = [{"params": [weights[0]], "lr": 0.5}, {"params": [weights[1]]}]
    assert [group["lr"] for group in fused(torch.optim.Adam(groups, lr=0.1)).param_groups] == [0.5, 0.1]


def test_parameters_that_no_fused_step_takes_keep_their_optimizer() -> None:
    whole = torch.optim.SGD([torch.nn.Parameter(torch.ones(2, dtype=torch.complex64))], lr=0.1)
    sparse = torch.optim.SparseAdam([torch.nn.Parameter(torch.ones(2))], lr=0.1)
    assert fused(whole) is whole
    assert fused(sparse) is sparse
