"""The vectors of users and items whose dot products rank as a trained model with its mitigations does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from recbole_ile.errors import InputError
from recbole_ile.functional.folded_vectors import Step, fold_items, fold_users, same_ranking
from recbole_ile.plugin.catalogue.mitigations import Mitigation
from recbole_ile.plugin.catalogue.model_names import ModelName
from recbole_ile.plugin.evaluation.products import ROUNDING, SeenVectors, seen_vectors
from recbole_ile.plugin.evaluation.training_users import LearnsRanking
from recbole_ile.plugin.runs.recommendation import Recommender

CHECKED = 1000
"""Users whose lists are compared with those of the model, at most."""
PROBED = 2
"""Users that tell whether scores are dot products, before a model that has none scores everybody pair by pair."""


@dataclass(frozen=True)
class Vectors:
    """The vectors of ``U`` users and ``n`` items, padding not among them.

    Attributes:
        user_ids: ``[U]`` RecBole's ids of the users; those of the items are 1 to n.
        users: ``[U, D]`` float32.
        items: ``[n, D]`` float32.
        folded: what each of the last columns is of; those before are the model's own.
        checked: number of users whose lists the dot products were found to give.
    """

    user_ids: torch.Tensor
    users: torch.Tensor
    items: torch.Tensor
    folded: tuple[str, ...]
    checked: int


@torch.no_grad()
def find_vectors(recommender: Recommender, k: int) -> Vectors:
    """Return vectors whose dot products give the lists of a recommender, found by watching the model score.

    The items' bias of the model is one further column, and so is what each mitigation subtracts; the units in which a
    mitigation measures a user's scores are in the user's vector.

    Args:
        recommender: of a trained model.
        k: length of the lists that are compared.

    Raises:
        InputError: for a model that does not score by a dot product, a mitigation that is no shift of its scores, and
            where the dot products give another list than the model.
    """
    model, loader = recommender.trainer.model.eval(), recommender.loader
    mitigations = _foldable(recommender)
    _seen(recommender, loader.batch(loader.entries[:PROBED]))
    first: SeenVectors | None = None
    users, steps = [], list[Step]()
    for entries in loader.entries.split(recommender.block):
        batch = loader.batch(entries)
        seen = _seen(recommender, batch)
        first = first or seen
        near = ROUNDING * float(seen.scores.abs().max())
        if not (torch.equal(first.items, seen.items) and bool(((first.bias - seen.bias).abs() <= near).all())):
            raise _no_product(recommender)
        steps = _steps(model, _masked(seen.scores, batch[1]), first.bias, mitigations)
        users.append(fold_users(seen.users, [step.units for step in steps]).float().cpu())
    assert first is not None
    items = fold_items(first.items, [step.shifts for step in steps])[1:].float().cpu()
    names = (*["bias of items"] * (len(steps) - len(mitigations)), *(each.suffix for each in mitigations))
    found = torch.cat(users)
    return Vectors(recommender.users, found, items, names, _check(recommender, found, items, k))


def _foldable(recommender: Recommender) -> list[Mitigation]:
    """Return the mitigations that act in ranking, in the order in which they do.

    Raises:
        InputError: if one of them does more than to scale and shift scores.
    """
    config, model = recommender.trainer.config, recommender.trainer.model
    chosen = model.ranking_settings() if isinstance(model, LearnsRanking) else {}
    settings = {**config.final_config_dict, **chosen}
    acting = [each for each in config.name.mitigations if each.acts_in_ranking(settings)]
    others = [each for each in acting if not hasattr(each.load(), "step")]
    if others:
        rest = ModelName(config.name.base, tuple(each for each in config.name.mitigations if each not in others))
        raise InputError(
            f"model {config.name}: {' and '.join(each.suffix for each in others)} does more than to scale and shift "
            f"scores and cannot be folded into vectors; --model={rest} has vectors, recommend --all writes lists"
        )
    return acting


def _steps(model: Any, masked: torch.Tensor, bias: torch.Tensor, mitigations: list[Mitigation]) -> list[Step]:
    """Return what is done to the products of vectors, the bias first where there is one."""
    found = [Step(masked.new_ones(len(masked)), -bias)] if bool(bias.any()) else []
    for each in mitigations:
        step = each.load().step(model, masked)
        masked = masked / step.units[:, None].to(masked) - step.shifts.to(masked)
        found.append(step)
    return found


def _seen(recommender: Recommender, batch: Any) -> SeenVectors:
    """Return what a model scores a batch by.

    Raises:
        InputError: if it is no dot product.
    """
    trainer, loader = recommender.trainer, recommender.loader
    items = loader._dataset.get_item_feature()
    seen = seen_vectors(trainer.model, batch[0].to(trainer.device), items, loader.n_items)
    if seen is None:
        raise _no_product(recommender)
    return seen


def _no_product(recommender: Recommender) -> InputError:
    return InputError(
        f"model {recommender.trainer.config.name} does not score by a dot product of a user's and an item's vector, so "
        "that it has none to be written; recommend --all writes its lists"
    )


def _masked(scores: torch.Tensor, history: Any) -> torch.Tensor:
    """Return ``[B, n + 1]`` scores without padding and without the rows and items of a history."""
    masked = scores.clone()
    masked[:, 0] = -torch.inf
    if history is not None:
        masked[history[0].to(masked.device), history[1].to(masked.device)] = -torch.inf
    return masked


def _check(recommender: Recommender, users: torch.Tensor, items: torch.Tensor, k: int) -> int:
    """Compare the lists of some users, and return of how many.

    Raises:
        InputError: if one has another list than the model gives.
    """
    loader, dataset = recommender.loader, recommender.loader._dataset
    places = torch.linspace(0, len(users) - 1, min(len(users), CHECKED)).round().long().unique()
    wrong = []
    for block in places.split(recommender.block):
        entries = loader.entries[block]
        scores, lists = (part.cpu() for part in recommender.trainer.lists(loader, entries, k))
        products = _masked(torch.nn.functional.pad(users[block] @ items.T, (1, 0)), loader.batch(entries)[1])
        nothing = products.argmin(dim=1, keepdim=True).expand_as(lists)
        wrong.append(block[~same_ranking(products, torch.where(scores > -torch.inf, lists, nothing))])
    others = torch.cat(wrong)
    if len(others):
        name = dataset.field2id_token[dataset.uid_field][int(recommender.users[others[0]])]
        raise InputError(
            f"model {recommender.trainer.config.name}: dot products give {len(others)} of {len(places)} users another "
            f"list than the model, {name} for one, so that nothing is written; recommend --all writes its lists"
        )
    return len(places)
