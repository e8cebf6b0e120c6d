"""What the tests of several processes run in each of them; a spawned process has to import it."""

from __future__ import annotations

import os
import signal
from typing import Any

import torch
from recbole.data.interaction import Interaction
from recbole.utils import init_seed

from recbole_ile.errors import InputError
from recbole_ile.plugin.config.config import IleConfig
from recbole_ile.plugin.config.known_keys import GROUP_KEYS
from recbole_ile.plugin.data.popularity import TrainingPopularity
from recbole_ile.plugin.evaluation.breakdown import split_by_group
from recbole_ile.plugin.processes.group import barrier, gather_all, join_group
from recbole_ile.plugin.runs.preparation import build_model, prepare_data
from recbole_ile.plugin.training.trainer import get_trainer

SHARED = {"world_size": -1, "ip": "localhost", "port": None, "group_offset": 0}


class Batches(list):
    """Batches as a loader that draws nothing."""

    shuffle = False


def compute(config_dict: dict[str, Any], steps: list[Any], evaluations: list[Any]) -> tuple[list[Any], list[Any]]:
    """Return, of each process, what its training steps and its evaluations come to."""
    return gather_all(train_steps(config_dict, steps)), gather_all(evaluate(config_dict, evaluations))


def evaluate(config_dict: dict[str, Any], cases: list[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
    """Evaluate an untrained model with the options of each case, together with the processes met before."""
    shared = {key: config_dict[key] for key in GROUP_KEYS if key in config_dict}
    own = {key: value for key, value in config_dict.items() if key not in shared}
    results = []
    for model, options in cases:
        config = IleConfig(model, config_dict={**own, **options})
        config.final_config_dict.update({"single_spec": not shared, "local_rank": shared.get("local_rank", 0)})
        init_seed(config["seed"], True)
        data = prepare_data(config)
        trainer = get_trainer(config)(config, build_model(config, data))
        trainer.eval_collector.data_collect(data.train)
        trainer.eval_collector.details = True
        for _ in range(2):
            result = trainer.evaluate(data.test, load_best_model=False)
            results.append({**result, **split_by_group(config, trainer.eval_collector.last_details)})
    return results


def train_steps(config_dict: dict[str, Any], cases: list[tuple[str, list[int]]]) -> list[dict[str, Any]]:
    """Take one training step for each case, every process with its share of the batch.

    A case is a distance and the item group of each interaction of the global batch. For each of them, the
    losses, the gradients and the group losses are returned.
    """
    config = IleConfig("BPR_ILE", "tiny", config_dict=config_dict)
    init_seed(config["seed"], True)
    data = prepare_data(config)
    net = build_model(config, data)
    trainer = get_trainer(config)(config, net)
    start = {name: value.clone() for name, value in net.state_dict().items()}
    groups = TrainingPopularity.of(config, data.train._dataset).groups_by_id
    steps = []
    for distance, item_groups in cases:
        net.load_state_dict(start)
        net.ile_distance = distance
        losses = trainer._train_epoch(Batches([_batch(item_groups, groups)]), 0)
        steps.append(
            {
                "losses": losses,
                "gradients": [parameter.grad.clone() for parameter in net.parameters()],
                "group_losses": trainer.history.epochs[-1]["losses"],
            }
        )
    return steps


def _batch(item_groups: list[int], groups: Any) -> Interaction:
    members = [[item for item in range(1, 9) if groups[item] == group] for group in range(3)]
    items = [members[group][row % len(members[group])] for row, group in enumerate(item_groups)]
    rows = torch.arange(len(items))
    return Interaction({"user_id": rows % 6 + 1, "item_id": torch.tensor(items), "neg_item_id": (rows * 5 + 3) % 8 + 1})


def losses_together(
    config_dict: dict[str, Any], models: list[tuple[str, dict[str, Any]]], batches: list[list[int]]
) -> list[list[dict[str, Any]]]:
    """Return, of each process, the loss, the gradients and the shares of each model after steps on some batches.

    A batch is the item group of each of its interactions; every process has its share of it.
    """
    shared = {key: config_dict[key] for key in GROUP_KEYS if key in config_dict}
    own = {key: value for key, value in config_dict.items() if key not in shared}
    IleConfig("BPR", "tiny", config_dict=config_dict)  # which meets the other processes
    found = []
    for model, options in models:
        config = IleConfig(model, config_dict={**own, **options})
        config.final_config_dict.update({"single_spec": not shared, "local_rank": shared.get("local_rank", 0)})
        init_seed(config["seed"], True)
        data = prepare_data(config)
        net = build_model(config, data)
        trainer = get_trainer(config)(config, net)
        groups = TrainingPopularity.of(config, data.train._dataset).groups_by_id
        losses = trainer._train_epoch(Batches([_batch(each, groups) for each in batches]), 0)
        gradients = [parameter.grad.clone() for parameter in net.parameters()]
        shares = getattr(net, "gdro_shares", torch.zeros(0)).tolist()
        found.append({"losses": losses, "gradients": gradients, "shares": shares})
    return gather_all(found)


def end(config_dict: dict[str, Any], how: str) -> Any:
    """End the second process as ``how`` says, while the first one waits for it."""
    settings = {**config_dict, "device": torch.device("cpu"), "use_gpu": False}
    join_group(settings, config_dict["local_rank"])
    if how == "large result":
        return "x" * 10_000_000
    if config_dict["local_rank"] == 0:
        barrier()
    elif how == "wrong input":
        raise InputError("the second process does not like its input")
    else:
        os.kill(os.getpid(), signal.Signals[how])
    return None
