"""What a RecBole trainer has to do otherwise when several processes train one model together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.nn.parallel import DistributedDataParallel

from recbole_ile.plugin.config.config import alone
from recbole_ile.plugin.evaluation.gathering import GatheringCollector
from recbole_ile.plugin.processes.group import barrier, from_first_process, gather_all
from recbole_ile.plugin.processes.shares import ShareOfRows, ShareOfUsers

if TYPE_CHECKING:
    from recbole.trainer import Trainer as Base
else:
    Base = object


class ParallelTrainer(Base):
    """Mixin of any RecBole trainer for a process that trains with others, on GPUs or on the CPU.

    All processes have the same parameters at every step, evaluate to the same result and so take the same
    decisions; the loss that an epoch reports is the mean over the processes.
    """

    def __init__(self, config: Any, model: Any) -> None:
        gpu = config["device"].type == "cuda"
        if gpu:
            model = torch.nn.SyncBatchNorm.convert_sync_batchnorm(model)
        super().__init__(alone(config), model)  # RecBole wraps the model for a GPU, whether there is one or not
        self.config = config
        self.eval_collector = GatheringCollector(config)
        self.distributed_model = DistributedDataParallel(model, device_ids=[config["local_rank"]] if gpu else None)

    def fit(self, *arguments: Any, **keywords: Any) -> Any:
        """Train, and return when all processes have done so and the checkpoint of the first one is written."""
        fitted = super().fit(*arguments, **keywords)
        barrier()
        return fitted

    def _train_epoch(self, train_data: Any, *arguments: Any, **keywords: Any) -> Any:
        losses = super()._train_epoch(ShareOfRows(train_data), *arguments, **keywords)
        if not isinstance(losses, tuple):
            return _mean_of_all((losses,))[0]
        return _mean_of_all(losses)

    def evaluate(self, eval_data: Any, *arguments: Any, **keywords: Any) -> Any:
        """Evaluate the same model on a share of the users in each process; all get the metrics of all users."""
        if not eval_data:
            return None
        for buffer in self.model.buffers():
            torch.distributed.broadcast(buffer, src=0)
        return super().evaluate(ShareOfUsers(eval_data), *arguments, **keywords)

    def _map_reduce(self, result: Any, *_: Any) -> Any:
        """Return the first process's metrics of all users, where RecBole takes the mean over the processes."""
        return from_first_process(lambda: result)


def _mean_of_all(losses: tuple[float, ...]) -> tuple[float, ...]:
    columns = zip(*gather_all(losses), strict=True)
    return tuple(sum(column) / len(column) for column in columns)
