"""RecBole's models that cannot take a step, or whose evaluation draws random numbers that it has no use for."""

from __future__ import annotations

from typing import Any

import recbole.model.general_recommender.ngcf as recbole_ngcf
import recbole.model.knowledge_aware_recommender.ktup as recbole_ktup
import recbole.model.sequential_recommender.gru4reckg as recbole_gru4reckg
import recbole.model.sequential_recommender.ksr as recbole_ksr
import torch

from recbole_ile.plugin.catalogue.composed import Composed


class _DropsOutInTraining(Composed):
    """Mixin before a model that makes its dropout in each forward pass, where no evaluation mode reaches it."""

    rate: str

    def forward(self, *arguments: Any, **keywords: Any) -> Any:
        """Return what the model does, without dropout in evaluation."""
        if self.training:
            return super().forward(*arguments, **keywords)
        rate = getattr(self, self.rate)
        setattr(self, self.rate, 0.0)
        try:
            return super().forward(*arguments, **keywords)
        finally:
            setattr(self, self.rate, rate)


class NGCF(_DropsOutInTraining, recbole_ngcf.NGCF):
    """The same model; its lists do not depend on the random numbers of the moment."""

    rate = "message_dropout"


class GRU4RecKG(_DropsOutInTraining, recbole_gru4reckg.GRU4RecKG):
    """The same model; its lists do not depend on the random numbers of the moment."""

    rate = "dropout"


class KTUP(recbole_ktup.KTUP):
    """The same model; in evaluation a user's preference is the likeliest, not one drawn anew for every batch."""

    def st_gumbel_softmax(self, logits: torch.Tensor, temperature: float = 1.0) -> torch.Tensor:
        """Return ``[B, P]`` choices, one preference of each row being 1."""
        if self.training:
            return super().st_gumbel_softmax(logits, temperature)
        return self.convert_to_one_hot(indices=logits.argmax(dim=-1), num_classes=logits.shape[-1]).float()


class KSR(recbole_ksr.KSR):
    """The same model, with the vectors of relations, which a file gives, in the precision of its parameters."""

    relation_Matrix: torch.Tensor

    def __init__(self, config: Any, dataset: Any) -> None:
        super().__init__(config, dataset)
        self.relation_Matrix = self.relation_Matrix.to(self.entity_embedding.weight.dtype)
