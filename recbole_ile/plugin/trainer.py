"""RecBole's trainers, which keep the mean loss of each item group over the epochs and evaluate within memory."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable
from typing import Any

import recbole.utils
import torch
from recbole.data.dataloader.general_dataloader import FullSortEvalDataLoader

from recbole_ile.plugin.continued_trainer import ContinuedTrainer
from recbole_ile.plugin.eval_memory import fit_to_memory, memory_bytes
from recbole_ile.plugin.loaders.evaluation import EvaluationLoader
from recbole_ile.plugin.loaders.training import TrainingBatches
from recbole_ile.plugin.optimizer import fused
from recbole_ile.plugin.parallel_trainer import ParallelTrainer
from recbole_ile.plugin.process_group import of_all
from recbole_ile.plugin.registry import parse_model_name
from recbole_ile.plugin.target_trainer import TargetTrainer
from recbole_ile.plugin.tolerant_trainer import TolerantTrainer
from recbole_ile.plugin.watched_trainer import WatchedTrainer


class GroupLossTrainer:
    """Mixin of any RecBole trainer: group losses, re-ranked lists, batches that fit.

    Attributes:
        group_losses: for each epoch ``{"epoch": int, "losses": [G] floats or None}``.
    """

    def __init__(self, config: Any, model: Any) -> None:
        super().__init__(config, model)  # type: ignore[call-arg]
        self.group_losses: list[dict[str, Any]] = []
        self._fitted: weakref.WeakSet[Any] = weakref.WeakSet()
        self._compares_epochs = False

    def fit(self, train_data: Any, valid_data: Any = None, *arguments: Any, **keywords: Any) -> Any:
        """Train as RecBole does; a model that re-ranks is trained, and its best epoch chosen, by its own ranking.

        One training therefore serves every setting of the re-ranking, and that without any.

        Returns:
            The validation score and result of the best epoch, of the lists that are recommended.
        """
        self._compares_epochs = True
        try:
            fitted = super().fit(train_data, valid_data, *arguments, **keywords)  # type: ignore[misc]
        finally:
            self._compares_epochs = False
        saved = keywords.get("saved", True)
        nothing_saved = saved and not os.path.exists(self.saved_model_file)  # type: ignore[attr-defined]
        if not valid_data or not hasattr(self.model, "rerank") or nothing_saved:  # type: ignore[attr-defined]
            return fitted
        result = self.evaluate(valid_data, load_best_model=saved)
        return recbole.utils.calculate_valid_score(result, self.valid_metric), result  # type: ignore[attr-defined]

    def _build_optimizer(self, **keywords: Any) -> Any:
        optimizer = super()._build_optimizer(**keywords)  # type: ignore[misc]
        return fused(optimizer) if self.config["fast_loader"] else optimizer  # type: ignore[attr-defined]

    def _train_epoch(self, train_data: Any, epoch_idx: int, *arguments: Any, **keywords: Any) -> Any:
        if isinstance(train_data, TrainingBatches):
            train_data.set_epoch(epoch_idx)
        observed = getattr(self.model, "group_losses", None)  # type: ignore[attr-defined]
        if observed is None:
            return super()._train_epoch(train_data, epoch_idx, *arguments, **keywords)  # type: ignore[misc]
        observed.start_epoch()
        loss = super()._train_epoch(train_data, epoch_idx, *arguments, **keywords)  # type: ignore[misc]
        if not all(of_all(self.model.group_losses is not None)):  # type: ignore[attr-defined]
            self.model.group_losses = None  # type: ignore[attr-defined]
            return loss
        means = observed.epoch_means()
        self.group_losses.append({"epoch": epoch_idx, "losses": means})
        for name, mean in zip(observed.names, means, strict=True):
            if mean is not None:
                self.tensorboard.add_scalar(f"Group_loss/{name}", mean, epoch_idx)  # type: ignore[attr-defined]
        return loss

    def evaluate(self, eval_data: Any, *arguments: Any, **keywords: Any) -> Any:
        """Evaluate as RecBole does, in batches that fit into ``eval_memory``."""
        if eval_data and isinstance(eval_data, EvaluationLoader) and eval_data not in self._fitted:
            limit = memory_bytes(self.config["eval_memory"])  # type: ignore[attr-defined]
            fit_to_memory(eval_data, self.model, self._try_batch, limit)  # type: ignore[attr-defined]
            self._fitted.add(eval_data)
        return super().evaluate(eval_data, *arguments, **keywords)  # type: ignore[misc]

    def _try_batch(self, loader: Any, entries: Any) -> None:
        """Do what RecBole does with one batch after another, without effect on the evaluation that follows."""
        ranks_all = self._expect(loader)
        evaluate = self._full_sort_batch_eval if ranks_all else self._neg_sample_batch_eval
        for batch in map(loader.batch, (entries, entries)):  # a batch's scores live until the next one has its own
            interaction, scores, rows, items = evaluate(batch)
            self.eval_collector.eval_batch_collect(scores, interaction, rows, items)  # type: ignore[attr-defined]
        self.eval_collector.forget()  # type: ignore[attr-defined]

    def _expect(self, loader: Any) -> bool:
        """Be ready for a loader's batches; return whether they rank the whole catalogue."""
        ranks_all = isinstance(loader, FullSortEvalDataLoader)
        self.tot_item_num = loader.n_items
        if ranks_all and self.item_tensor is None:  # type: ignore[has-type]
            self.item_tensor = loader._dataset.get_item_feature().to(self.device)  # type: ignore[attr-defined]
        return ranks_all

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
        interaction, scores, *_ = super()._full_sort_batch_eval(loader.batch(entries))  # type: ignore[misc]
        longest = max(k, *self.config["topk"])  # type: ignore[attr-defined]
        model = self.model  # type: ignore[attr-defined]
        if hasattr(model, "rerank"):
            found = model.lists(scores, interaction.to(scores.device), torch.arange(len(scores)), longest)
        else:
            found = scores.topk(longest)
        return found[0][:, :k], found[1][:, :k]

    def _full_sort_batch_eval(self, batched_data: Any) -> Any:
        """Score a batch, mask what must not be recommended, and then re-rank if the model does."""
        interaction, scores, positive_rows, items = super()._full_sort_batch_eval(batched_data)  # type: ignore[misc]
        scores = self._reranked(scores, interaction, torch.arange(len(scores)))
        return interaction, scores, positive_rows, items

    def _neg_sample_batch_eval(self, batched_data: Any) -> Any:
        """Score the sampled candidates, and re-rank them if the model does."""
        interaction, scores, positive_rows, items = super()._neg_sample_batch_eval(batched_data)  # type: ignore[misc]
        if scores.ndim == 2:
            scores = self._reranked(scores, interaction, torch.as_tensor(batched_data[1]))
        return interaction, scores, positive_rows, items

    def _reranked(self, scores: torch.Tensor, interaction: Any, rows: torch.Tensor) -> torch.Tensor:
        model = self.model  # type: ignore[attr-defined]
        if self._compares_epochs or not hasattr(model, "rerank"):
            return scores
        return model.rerank(scores, interaction.to(scores.device), rows, max(self.config["topk"]))  # type: ignore[attr-defined]


def watching(trainer: Any, watch: Callable[[int, dict[str, float]], None]) -> Callable[[int, float], None]:
    """Return a callback of RecBole's ``fit`` that tells ``watch`` the epoch and its whole validation result."""
    return lambda epoch, _: watch(epoch, trainer.last_valid_result)


def get_trainer(config: Any) -> type[Any]:
    """Return RecBole's trainer of the base model, with the mixins before it."""
    base = recbole.utils.get_trainer(config["MODEL_TYPE"], parse_model_name(config.model).base)
    if not hasattr(base, "_train_epoch"):
        return base
    parallel = () if config["single_spec"] else (ParallelTrainer,)
    parts = (TargetTrainer, TolerantTrainer, GroupLossTrainer, ContinuedTrainer, WatchedTrainer, *parallel, base)
    return type(base.__name__, parts, {"__module__": __name__})
