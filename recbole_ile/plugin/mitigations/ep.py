"""Exposure prices as a mixin of a RecBole model."""

from __future__ import annotations

import logging
from types import MappingProxyType
from typing import Any

import numpy as np
import torch

from recbole_ile.functional.folded_vectors import Step
from recbole_ile.functional.prices import Pricing, find_prices, score_units
from recbole_ile.functional.value_prices import find_value_prices
from recbole_ile.kernels.best_places import best_places
from recbole_ile.kernels.price_demand import Candidates
from recbole_ile.metric import Metric
from recbole_ile.plugin.catalogue.mitigations import AUTO
from recbole_ile.plugin.data.feature_columns import distinct_values, feature_column
from recbole_ile.plugin.data.popularity import TrainingPopularity
from recbole_ile.plugin.evaluation.training_users import TrainingUsers
from recbole_ile.plugin.mitigations.in_ranking import Reranker, weight_of

FEW_ITEMS = 20_000
"""Items up to which all are candidates of every user."""
WEIGHTS = tuple(0.05 * 2 ** (step / 2) for step in range(13))
"""What ``ep_weight: auto`` chooses from, at most 3.2."""


class ExposurePricing(Reranker):
    """Subtracts from a user's scores, in the unit of their deviation, what each item pays for the exposure it has.

    The prices are found from the scores of the users of the training part. Sources: Do et al., NeurIPS 2021 (arXiv
    2110.15781); Do & Usunier, SIGIR 2022 (arXiv 2204.06521); Usunier et al., ICML 2023 (arXiv 2209.13019).

    Attributes:
        ep_prices: ``[n + 1]`` price of each item id; 0 for padding.
        pricing: what finding them told, ``None`` if they come from a checkpoint.
    """

    ranking_state = ("ep_prices",)
    automatic = MappingProxyType({"ep_weight": WEIGHTS})
    ep_prices: torch.Tensor
    pricing: Pricing | None = None

    def __init__(self, config: Any, dataset: Any) -> None:
        super().__init__(config, dataset)
        self.register_buffer("ep_prices", torch.zeros(dataset.item_num))
        self._ep_cold_items = TrainingPopularity.of(config, dataset).counts == 0
        self._ep_dataset, self._ep_values = dataset, dict[str, np.ndarray]()
        self.set_ranking(config)
        if self.ep_field:  # a column that cannot be is told before the training
            self._values_of(self.ep_field)

    def set_ranking(self, config: Any) -> None:
        """Take the options of the prices from a configuration."""
        super().set_ranking(config)
        self.ep_weight = weight_of(config, "ep_weight")
        self.ep_steps, self.ep_unit = int(config["ep_steps"]), int(config["ep_unit"])
        self.ep_candidates, self.ep_users = int(config["ep_candidates"]), int(config["ep_users"])
        self.ep_cold, self.ep_seed, self.ep_field = bool(config["ep_cold"]), int(config["seed"]), config["ep_field"]
        self.ep_k = Metric.parse(config["valid_metric"]).k or int(config["topk"][0])

    @property
    def rescales(self) -> bool:
        """Whether the scores that are handed on are in the unit of each user."""
        return self.ep_weight != 0.0 or super().rescales

    def ranking_settings(self) -> dict[str, Any]:
        """Return what the prices follow from in addition to the scores."""
        own = (
            "ep_weight",
            "ep_steps",
            "ep_unit",
            "ep_candidates",
            "ep_users",
            "ep_cold",
            "ep_seed",
            "ep_k",
            "ep_field",
        )
        return {**super().ranking_settings(), **{name: getattr(self, name) for name in own}}

    def step(self, scores: torch.Tensor) -> Step:
        """Return what it does to ``[B, n + 1]`` scores, to those of the candidates alone where they are not all."""
        return Step(score_units(scores, self.ep_unit), self.ep_prices)

    @torch.no_grad()
    def rerank(self, scores: torch.Tensor, interaction: Any, rows: torch.Tensor, k: int) -> torch.Tensor:
        """Return the scores in each user's unit, less the prices."""
        scores = super().rerank(scores, interaction, rows, k)
        if self.ep_weight in (0.0, AUTO):  # before it is chosen, the lists are the base model's
            return scores
        if self._has_few_items:
            return self._scaled(scores) - self.ep_prices
        items, scaled = self._candidates(scores)
        return torch.full_like(scores, -torch.inf).scatter_(1, items, scaled - self.ep_prices[items])

    def learn_ranking(self, users: TrainingUsers) -> None:
        """Find the prices from the scores of all users, or of a sample of them."""
        super().learn_ranking(users)
        self.ep_prices.zero_()
        self.pricing = None
        if self.ep_weight in (0.0, AUTO):
            return
        demand, scale = self._demand(users)
        key = repr(ExposurePricing.ranking_settings(self))
        if key not in users.known:
            priced = np.ones(demand.n_items, dtype=bool) if self.ep_cold else ~self._ep_cold_items
            users.known[key] = self._priced(demand, priced, scale)
        self.pricing = pricing = users.known[key]
        self.ep_prices[1:] = torch.from_numpy(pricing.prices).to(self.ep_prices)
        welfare = pricing.welfare
        logging.getLogger().info(
            f"exposure prices of {demand.n_items} items from {demand.n_users} users: welfare {welfare[0]:.6g} before, "
            f"{welfare[-1]:.6g} after {self.ep_steps} steps"
        )

    def _priced(self, demand: Candidates, priced: np.ndarray, scale: float) -> Pricing:
        weight = float(self.ep_weight)
        if not self.ep_field:
            return find_prices(demand, weight, self.ep_steps, priced, scale)
        values = self._values_of(self.ep_field)
        number = len(self._ep_dataset.field2id_token[self.ep_field])
        return find_value_prices(demand, weight, values, priced, number, self.ep_steps, scale)

    def _values_of(self, field: str) -> np.ndarray:
        """Return the values of each item in a column, found once."""
        if field not in self._ep_values:
            self._ep_values[field] = distinct_values(feature_column(self._ep_dataset, "ep_field", field))
        return self._ep_values[field]

    def _demand(self, users: TrainingUsers) -> tuple[Candidates, float]:
        """Return the candidates of the users, computed once for all weights, and how many users each stands for."""
        count = min(len(users), self.ep_users)
        before = super().ranking_settings()
        key = repr((before, self.ep_unit, self.ep_candidates, count, self.ep_seed, self.ep_k))
        if key not in users.known:
            users.known[key] = self._scored(users, count)
        return users.known[key], len(users) / max(count, 1)

    @torch.no_grad()
    def _scored(self, users: TrainingUsers, count: int) -> Candidates:
        n_items = len(self.ep_prices) - 1
        found = Candidates(count, n_items, self.ep_k, n_items if self._has_few_items else self._width)
        for scores, interaction in users.blocks(_sample(len(users), count, self.ep_seed)):
            rows = torch.arange(len(scores), device=scores.device)
            scores = super().rerank(scores, interaction, rows, self.ep_k)[:, 1:]
            if self._has_few_items:
                found.add(self._scaled(scores).float().cpu().numpy())
                continue
            items, scaled = self._candidates(scores)
            found.add(scaled.float().cpu().numpy(), items.cpu().numpy())
        return found

    def _candidates(self, scores: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the ``[B, width]`` places of each user's candidates, ascending, and their scaled scores."""
        items = best_places(scores, self._width)
        values = scores.gather(1, items)
        enough = self.ep_unit <= self._width
        return items, values / self._units(scores, values if enough else None).unsqueeze(1)

    def _scaled(self, scores: torch.Tensor) -> torch.Tensor:
        return scores / self._units(scores).unsqueeze(1)

    def _units(self, scores: torch.Tensor, best: torch.Tensor | None = None) -> torch.Tensor:
        """Return ``score_units`` of ``[B, n]`` scores, from the best of each user, which are found if not given."""
        if best is None:
            best = scores.gather(1, best_places(scores, min(self.ep_unit, scores.shape[1])))
        finite = bool((best < torch.inf).all())  # neither inf nor NaN is a score
        return score_units(best if finite else scores, self.ep_unit)

    @property
    def _has_few_items(self) -> bool:
        return len(self.ep_prices) - 1 <= FEW_ITEMS

    @property
    def _width(self) -> int:
        return min(max(self.ep_candidates, self.ep_k), len(self.ep_prices) - 1)


def _sample(n_users: int, count: int, seed: int) -> torch.Tensor:
    """Return ``[count]`` positions of users, all of them or a sample drawn from the seed, in rising order."""
    if count >= n_users:
        return torch.arange(n_users)
    generator = torch.Generator().manual_seed(seed)
    return torch.randperm(n_users, generator=generator)[:count].sort().values
