"""The evaluation of RecBole's trainers: in batches that fit into memory, of lists as they are recommended."""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import torch
from recbole.data.dataloader.general_dataloader import FullSortEvalDataLoader
from recbole.utils import EvaluatorType
from scipy.sparse import csr_matrix

from recbole_ile.plugin.config.values import memory_bytes
from recbole_ile.plugin.data.loaders.evaluation import EvaluationLoader
from recbole_ile.plugin.evaluation.memory import fit_to_memory
from recbole_ile.plugin.evaluation.predictions import flat_predictions

if TYPE_CHECKING:
    from recbole.trainer import Trainer as Base
else:
    Base = object


@runtime_checkable
class RanksItself(Protocol):
    """A model with mitigations in ranking; see ``mitigations.in_ranking.Reranker``."""

    def set_ranking(self, config: Any) -> None:
        """Take the settings of the ranking from a configuration."""

    def take_users(self, histories: csr_matrix) -> None:
        """Take users whom training did not know in the place of those that it did."""

    def rerank(self, scores: torch.Tensor, interaction: Any, rows: torch.Tensor, k: int) -> torch.Tensor:
        """Return scores whose order is that of the lists to recommend."""

    def lists(
        self, scores: torch.Tensor, interaction: Any, rows: torch.Tensor, k: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the lists to recommend, with scores."""


class KeptScores:
    """What batches of evaluations were scored to, by their place, for evaluations of the same model to come.

    Args:
        limit: bytes that may be kept.
    """

    def __init__(self, limit: int) -> None:
        self._left, self._place = limit, -1
        self._found: dict[Any, dict[int, Any]] = {}
        self._of_loader: dict[int, Any] = {}

    def begin(self, loader: Any) -> None:
        """Begin an evaluation of a loader's batches in their order."""
        self._of_loader, self._place = self._found.setdefault(loader, {}), 0

    def end(self) -> None:
        """Keep nothing of batches outside of an evaluation."""
        self._place = -1

    def of_batch(self, score: Callable[[], Any]) -> Any:
        """Return what the next batch was scored to, as RecBole does it, or score it."""
        if self._place < 0:
            return score()
        place, self._place = self._place, self._place + 1
        if place in self._of_loader:
            interaction, scores, *rest = self._of_loader[place]
            return interaction, scores.clone(), *rest
        found = score()
        size = found[1].numel() * found[1].element_size()
        if size <= self._left:
            self._left -= size
            self._of_loader[place] = (found[0], found[1].clone(), *found[2:])
        return found


class Evaluator(Base):
    """Mixin of any RecBole trainer: batches that fit, lists as the model ranks them."""

    item_tensor: Any

    def __init__(self, config: Any, model: Any) -> None:
        super().__init__(config, model)
        self._fitted: weakref.WeakSet[Any] = weakref.WeakSet()
        self._ranks_as_trained = False
        self._kept: KeptScores | None = None

    @contextlib.contextmanager
    def keeping_scores(self) -> Iterator[None]:
        """Within this context score each batch of a loader once, as far as ``eval_memory`` holds them.

        The model's parameters must stay as they are; what acts in ranking may change.
        """
        self._kept = KeptScores(memory_bytes(self.config["eval_memory"]))
        try:
            yield
        finally:
            self._kept = None

    @contextlib.contextmanager
    def ranking_as_trained(self) -> Iterator[None]:
        """Within this context, lists are those of what was trained, without mitigations in ranking."""
        self._ranks_as_trained = True
        try:
            yield
        finally:
            self._ranks_as_trained = False

    def evaluate(self, eval_data: Any, *arguments: Any, **keywords: Any) -> Any:
        """Evaluate as RecBole does, in batches that fit into ``eval_memory``."""
        if eval_data and isinstance(eval_data, EvaluationLoader) and eval_data not in self._fitted:
            limit = memory_bytes(self.config["eval_memory"])
            fit_to_memory(eval_data, self.model, self._try_batch, limit)
            self._fitted.add(eval_data)
        if self._kept is None:
            return super().evaluate(eval_data, *arguments, **keywords)
        self._kept.begin(eval_data)
        try:
            return super().evaluate(eval_data, *arguments, **keywords)
        finally:
            self._kept.end()

    @torch.no_grad()
    def lists(self, loader: Any, entries: torch.Tensor, k: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the lists that an evaluation makes of some entries, with the model's scores.

        Args:
            loader: one that ranks the whole catalogue.
            entries: ``[B]`` of the loader's.
            k: length of the lists, which may be longer or shorter than those of the evaluation.

        Returns:
            ``[B, k]`` scores, ``-inf`` where a list could not be filled, and ``[B, k]`` item ids, the best first.
        """
        self._expect(loader)
        interaction, scores, *_ = super()._full_sort_batch_eval(loader.batch(entries))
        longest = max(k, *self.config["topk"])
        if isinstance(self.model, RanksItself):
            found = self.model.lists(scores, interaction.to(scores.device), torch.arange(len(scores)), longest)
        else:
            found = scores.topk(longest)
        return found[0][:, :k], found[1][:, :k]

    def _try_batch(self, loader: Any, entries: Any) -> None:
        """Do what RecBole does with one batch after another, without effect on the evaluation that follows."""
        ranks_all = self._expect(loader)
        evaluate = self._full_sort_batch_eval if ranks_all else self._neg_sample_batch_eval
        for batch in map(loader.batch, (entries, entries)):  # a batch's scores live until the next one has its own
            interaction, scores, rows, items = evaluate(batch)
            self.eval_collector.eval_batch_collect(scores, interaction, rows, items)
        self.eval_collector.forget()

    def _expect(self, loader: Any) -> bool:
        """Be ready for a loader's batches; return whether they rank the whole catalogue."""
        ranks_all = isinstance(loader, FullSortEvalDataLoader)
        self.tot_item_num = loader.n_items
        if ranks_all and self.item_tensor is None:
            self.item_tensor = loader._dataset.get_item_feature().to(self.device)
        return ranks_all

    def _full_sort_batch_eval(self, batched_data: Any) -> Any:
        """Score a batch, mask what must not be recommended, and then re-rank if the model does."""
        score = super()._full_sort_batch_eval
        found = score(batched_data) if self._kept is None else self._kept.of_batch(lambda: score(batched_data))
        interaction, scores, positive_rows, items = found
        scores = self._reranked(scores, interaction, torch.arange(len(scores)))
        return interaction, scores, positive_rows, items

    def _neg_sample_batch_eval(self, batched_data: Any) -> Any:
        """Score the sampled candidates, and re-rank them if the model does."""
        with flat_predictions(self.model):
            interaction, scores, positive_rows, items = super()._neg_sample_batch_eval(batched_data)
        if self.config["eval_type"] is EvaluatorType.RANKING:
            scores = self._reranked(scores, interaction, torch.as_tensor(batched_data[1]))
        return interaction, scores, positive_rows, items

    def _reranked(self, scores: torch.Tensor, interaction: Any, rows: torch.Tensor) -> torch.Tensor:
        if self._ranks_as_trained or not isinstance(self.model, RanksItself):
            return scores
        self.eval_collector.see_candidates(scores)
        return self.model.rerank(scores, interaction.to(scores.device), rows, max(self.config["topk"]))
