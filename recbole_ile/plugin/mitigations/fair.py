"""FA*IR, fair beginnings of lists, as a mixin of a RecBole model."""

from __future__ import annotations

from typing import Any

import torch
from scipy.sparse import csr_matrix

from recbole_ile.functional.fair_prefixes import fair_lists, minimum_protected, protected_groups, protected_shares
from recbole_ile.functional.reranking import put_first
from recbole_ile.plugin.mitigations.in_ranking import ListChooser
from recbole_ile.plugin.mitigations.tastes import Tastes


class FairPrefixes(ListChooser):
    """Gives every beginning of a list enough items of a protected class, by a test corrected for their number.

    It looks at the order of scores alone and takes each class from the whole catalogue: among the best candidates of a
    biased model there may be too few protected ones.

    Source: Zehlike et al., CIKM 2017, arXiv 1706.06368.
    """

    def __init__(self, config: Any, dataset: Any) -> None:
        super().__init__(config, dataset)
        self._fair_tastes = Tastes.of_groups(config, dataset)
        self.set_ranking(config)

    def set_ranking(self, config: Any) -> None:
        """Take ``fair_protected``, ``fair_share`` and ``fair_alpha`` from a configuration."""
        super().set_ranking(config)
        self.fair_protected, self.fair_share = config["fair_protected"], config["fair_share"]
        self.fair_alpha = float(config["fair_alpha"])
        self._fair_minimum: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}

    def ranking_settings(self) -> dict[str, Any]:
        """Return its options in addition to those of the mitigations before it."""
        own = ("fair_protected", "fair_share", "fair_alpha")
        return {**super().ranking_settings(), **{name: getattr(self, name) for name in own}}

    def take_users(self, histories: csr_matrix) -> None:
        """Take the profiles of other users."""
        super().take_users(histories)
        self._fair_tastes.take_users(histories)
        self._fair_minimum.clear()

    @torch.no_grad()
    def rerank(self, scores: torch.Tensor, interaction: Any, rows: torch.Tensor, k: int) -> torch.Tensor:
        """Return scores whose first ``k`` items are the fair list."""
        scores = super().rerank(scores, interaction, rows, k)
        if self.fair_share == 0.0:
            return scores
        users = self._fair_tastes.users(interaction, rows, scores)
        groups = protected_groups(self._fair_tastes.profiles.shape[1], self.fair_protected).to(scores.device)
        lists = fair_lists(scores, groups[self._fair_tastes.groups], self._minimum(users, groups, k))
        return put_first(scores, lists.clamp_min(0))

    def _minimum(self, users: torch.Tensor, groups: torch.Tensor, k: int) -> torch.Tensor:
        """Return ``[B, k]`` protected items that lists must hold, found once for each share and length."""
        if k not in self._fair_minimum:
            shares = protected_shares(self._fair_tastes.profiles, groups)
            shares = shares if self.fair_share == "profile" else torch.full_like(shares, float(self.fair_share))
            distinct, of_user = shares.unique(return_inverse=True)
            self._fair_minimum[k] = minimum_protected(distinct, k, self.fair_alpha), of_user
        minimum, of_user = (part.to(users.device) for part in self._fair_minimum[k])
        return minimum[of_user[users]]
