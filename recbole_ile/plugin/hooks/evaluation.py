"""What this package plants in RecBole's evaluation: users in what is collected, its metrics, re-ranked lists."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import torch
from recbole.data.interaction import Interaction
from recbole.evaluator import register
from recbole.trainer import trainer
from recbole.utils import case_study

from recbole_ile.errors import InputError
from recbole_ile.metric import Better, better_of
from recbole_ile.plugin.evaluation.array_metrics import ARRAY_METRICS
from recbole_ile.plugin.evaluation.collector import ListCollector
from recbole_ile.plugin.evaluation.evaluator import RanksItself
from recbole_ile.plugin.evaluation.metrics import METRICS
from recbole_ile.plugin.patching import Patches

HOOKS = Patches()


@HOOKS.add
def users_in_collector() -> None:
    """``Trainer`` makes a ``Collector`` that keeps no user ids and knows no profiles, which UPD needs.

    Ours collects more only for metrics that ask for it. Can go when RecBole lets a trainer choose its collector.
    """
    trainer.Collector = ListCollector


@HOOKS.add
def registered_metrics() -> None:
    """RecBole knows a metric, its kind, what it needs and that less of it is better from its own modules alone.

    Ours are added, and the metrics that are the same but faster put in the place of RecBole's own. Other
    modules of RecBole hold these dictionaries by reference, so they are updated in place. Can go when RecBole has a
    way to register a metric.
    """
    for metric in (*METRICS, *ARRAY_METRICS):
        name = metric.__name__.lower()
        register.metrics_dict[name] = metric
        register.metric_types[name] = metric.metric_type
        register.metric_information[name] = metric.metric_need
        if better_of(name) is Better.LOWER and name not in register.smaller_metrics:
            register.smaller_metrics.append(name)


@HOOKS.add
def reranked_case_study() -> None:
    """``full_sort_scores`` and ``full_sort_topk`` mask history after the model has scored, and then make lists.

    For a model with ``rerank`` they return the re-ranked ones. A user who is not in the test part ends in a TypeError,
    or of a sequential model gets no row, so that those after it get another's. Can go when RecBole lets a model see
    masked scores, and checks the users.
    """
    masked_scores = case_study.full_sort_scores

    def reranked(uid_series: Any, model: Any, test_data: Any, device: Any, k: int) -> Any:
        _check_case_study(uid_series, test_data)
        scores = masked_scores(uid_series, model, test_data, device)
        if not isinstance(model, RanksItself):
            return scores
        users = torch.as_tensor(uid_series)
        if test_data.is_sequential:
            rows = (test_data.dataset.inter_feat[test_data.dataset.uid_field] == users[:, None]).nonzero()[:, 1]
            batch = test_data.dataset[rows]
        else:
            batch = test_data.dataset.join(Interaction({test_data.dataset.uid_field: users}))
        return model.rerank(scores, batch.to(scores.device), torch.arange(len(batch)), k)

    @functools.wraps(masked_scores)
    def full_sort_scores(uid_series: Any, model: Any, test_data: Any, device: Any = None) -> Any:
        return reranked(uid_series, model, test_data, device, max(test_data.config["topk"]))

    @functools.wraps(case_study.full_sort_topk)
    def full_sort_topk(uid_series: Any, model: Any, test_data: Any, k: int, device: Any = None) -> Any:
        return reranked(uid_series, model, test_data, device, k).topk(k)

    case_study.full_sort_scores = full_sort_scores
    case_study.full_sort_topk = full_sort_topk


def _check_case_study(uid_series: Any, test_data: Any) -> None:
    """Refuse users of whom a loader knows neither history nor sequence.

    Raises:
        InputError: names the first of them.
    """
    dataset, users = test_data.dataset, np.asarray(uid_series)
    known = np.zeros(dataset.user_num, dtype=bool)
    if test_data.is_sequential:
        known[dataset.inter_feat[dataset.uid_field].numpy()] = True
    else:
        known[1:] = [history is not None for history in test_data.uid2history_item[1:]]
    inside = (users >= 0) & (users < len(known))
    if not (inside.all() and known[users].all()):
        user = users[~inside][0] if not inside.all() else users[~known[users]][0]
        raise InputError(
            f"uid_series: user {user} has no interaction in the part of {dataset.dataset_name} that test_data holds; "
            "dataset.token2id(dataset.uid_field, ...) gives the numbers of users, recbole-ile recommend lists for all"
        )
