"""What writes files of a folder of lists, on this machine or on others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch

from recbole_ile.experiments.engine.shared_data import SharedData, take
from recbole_ile.plugin.catalogue.model_names import ModelName
from recbole_ile.plugin.output.logs import quiet_recbole
from recbole_ile.plugin.runs.recommendation import Recommender, parts_of
from recbole_ile.plugin.runs.reevaluation import reevaluation_config
from recbole_ile.plugin.runs.restoring import restore
from recbole_ile.report.run.lists import ListFiles
from recbole_ile.report.run.shards import Plan, ShardFolder


class ShardWriter:
    """Writes files of a folder.

    Args:
        folder: which.
        plan: of it.
        lists: of all users.
        dataset: RecBole's, which knows the original ids.
    """

    def __init__(self, folder: ShardFolder, plan: Plan, lists: Recommender, dataset: Any) -> None:
        self._folder, self._plan, self._lists = folder, plan, lists
        self._files = ListFiles(dataset)

    def __call__(self, number: int, tell: Callable[[int], object] = lambda _: None) -> int:
        """Write a file and return how many users are in it.

        Args:
            number: of the file.
            tell: is told of the users of each block.
        """
        first, last = self._plan.places(number)

        def blocks() -> Any:
            for block in self._lists.between(first, last):
                yield block
                tell(len(block.users))

        self._folder.write(self._plan, number, self._files, blocks())
        return last - first


class Job(NamedTuple):
    """All that another machine needs to write files; the folder alone has to be on a disk of both.

    Attributes:
        folder: its absolute path.
        plan: of it.
        checkpoint: absolute path of the model, for what is said of it.
        stored: its content, and what the ranking learned.
        data: the data set and its parts.
        model: the name under which lists are made.
        options: of the command line.
        k: length of the lists.
    """

    folder: Path
    plan: Plan
    checkpoint: str
    stored: dict[str, Any]
    data: SharedData
    model: ModelName
    options: dict[str, str]
    k: int


def writer_of(job: Job) -> ShardWriter:
    """Return what writes files as the job says, in a process that does nothing else."""
    torch.set_num_threads(job.plan.threads)
    with quiet_recbole():
        config = reevaluation_config(
            job.checkpoint, job.stored["config"], str(job.model), None, None, dict(job.options)
        )
        config["fast_loader"] = True
        run = restore(config, job.stored, job.checkpoint, needs_split=False, read=lambda own: take(job.data, own))
        lists = Recommender(run.trainer, parts_of(run.data), job.k, loader=run.data.test, block=job.plan.block)
        return ShardWriter(ShardFolder(job.folder), job.plan, lists, run.data.dataset)
