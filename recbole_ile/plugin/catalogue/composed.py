"""The base that a type checker sees of a mixin that stands before a model of RecBole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from recbole.model.abstract_recommender import AbstractRecommender

    class Composed(AbstractRecommender):
        """A model that ``get_model`` composed from a model of RecBole and mitigations."""

        base_name: str
        """RecBole's model."""
        loss_in_parts: bool
        """Whether its trainer takes a loss in parts."""
        member_class: type[Any]
        """The class of what is trained."""

        def calculate_loss(self, interaction: Any, *arguments: Any, **keywords: Any) -> Any:
            """Return the loss of a batch, or its parts."""

        def pair_terms(self) -> Any:
            """Return what is made of the loss of pairs, of a model that has one."""

        def forward(self, *arguments: Any, **keywords: Any) -> Any:
            """Return what the model computes."""

else:
    Composed = object
