"""Epochs of BPR in compiled loops, for trainings in which nothing else has to be told of a single batch."""

from __future__ import annotations

import functools
import logging
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from recbole.model.loss import BPRLoss
from recbole.utils import set_color
from tqdm import tqdm

from recbole_ile.functional import distances
from recbole_ile.functional.distances import DISTANCES
from recbole_ile.kernels import disparity_loops
from recbole_ile.kernels.adam_rows import Adam, bring_up_to_date, make_table
from recbole_ile.kernels.meeting import CAN_WAIT, let_go
from recbole_ile.kernels.pair_state import ADAM, ADAM_W, SGD, Loss, Record, Updates, Worker, make_room, make_worker
from recbole_ile.kernels.pair_training import train_batches
from recbole_ile.kernels.pairs import Pairs
from recbole_ile.plugin.data.loaders.training import TrainingBatches
from recbole_ile.plugin.losses.observers import plain_class
from recbole_ile.plugin.losses.pair_terms import PairTerms, TellsPairTerms, find_pair_terms
from recbole_ile.plugin.processes.launch import n_cores
from recbole_ile.plugin.training.finite_loss import looks_at_no_batch
from recbole_ile.plugin.training.thread_choice import ThreadChoice
from recbole_ile.signals import postponed

KINDS: dict[type[torch.optim.Optimizer], int] = {
    torch.optim.Adam: ADAM,
    torch.optim.AdamW: ADAM_W,
    torch.optim.SGD: SGD,
}
COMPILED_DISTANCES = {
    distances.standard_deviation: disparity_loops.STD,
    distances.mean_absolute_deviation: disparity_loops.MAD,
    distances.entropy_deficit: disparity_loops.ENT,
    distances.euclidean: disparity_loops.EUCLIDEAN,
    distances.value_range: disparity_loops.RANGE,
}
COMPILED_STEP = "pair_training.train_batches-*.nbi"
"""What numba's cache of the training step is called."""
AT_ONCE = 65536
"""Pairs that are trained before an interruption is heard and progress is shown."""
TRIED = 4
"""What part of them is enough to try a number of threads."""
MOST_THREADS = 4
"""Threads that train at most; each walks all pairs of a batch, to find those of its own rows."""
_PLAIN = {"amsgrad": False, "maximize": False, "momentum": 0, "dampening": 0, "nesterov": False}
_PLAIN_EMBEDDING = {"padding_idx": None, "max_norm": None, "scale_grad_by_freq": False, "sparse": False}


class PairTraining:
    """Trains epochs of one model; draws the next one while an epoch is trained.

    Args:
        trainer: whose model ``supports`` accepted.
    """

    def __init__(self, trainer: Any) -> None:
        self._trainer = trainer
        self._drawer = ThreadPoolExecutor(1, "drawing")
        self._drawn: tuple[TrainingBatches, int, Future[Pairs | None]] | None = None
        most = most_threads()
        self._others = ThreadPoolExecutor(most - 1, "training") if most > 1 else None
        self._choice = ThreadChoice([1 << bits for bits in range(most.bit_length())])
        _tell_of_compiling()

    @staticmethod
    def supports(trainer: Any, loader: Any) -> bool:
        """Tell whether epochs of a trainer may be trained here: the updates are those of its optimiser."""
        config, model = trainer.config, trainer.model
        terms = find_pair_terms(model)
        return (
            terms is not None
            and isinstance(loader, TrainingBatches)
            and bool(config["single_spec"])
            and not trainer.clip_grad_norm
            and not trainer.enable_amp
            and plain_class(model.loss) is BPRLoss
            and model.group_losses is not None
            and (terms.distance is None or DISTANCES[terms.distance] in COMPILED_DISTANCES)
            and _is_unpatched(model)
            and all(_is_plain(table) for table in (model.user_embedding, model.item_embedding))
            and _has_plain_optimizer(trainer.optimizer, model)
            and all(looks_at_no_batch(behaviour) for behaviour in trainer.behaviours)
        )

    def train_epoch(self, loader: TrainingBatches, epoch: int, show_progress: bool) -> float | tuple[float, float]:
        """Train an epoch, and return the sum of its batches' losses, with a term of its own in two parts.

        Raises:
            TrainingStopped: if a loss is not finite; the parameters are those before its batch.
        """
        pairs = self._take(loader, epoch)
        model = self._trainer.model
        terms = find_pair_terms(model)
        assert pairs is not None
        assert terms is not None
        epoch_work = _Epoch(model, self._trainer.optimizer, terms, pairs, self._choice, self._others)
        done, n_batches = 0, len(pairs.bounds) - 1
        each = max(AT_ONCE // max(int(pairs.bounds[1]), 1), 1)
        bar = tqdm(total=n_batches, ncols=100, desc=set_color(f"Train {epoch:>5}", "pink"), disable=not show_progress)
        try:
            while done < n_batches:
                last = min(done + (max(each // TRIED, 1) if self._choice.tries else each), n_batches)
                reached = epoch_work.train(done, last)
                self._tell(epoch_work.record, terms, done, reached, last)
                bar.update(reached - done)
                done = reached
        finally:
            bar.close()
            epoch_work.close()
        losses, penalties = epoch_work.record.losses.sum(), epoch_work.record.penalties.sum()
        in_parts = terms.tell is not None and model.loss_in_parts
        return (float(losses), float(penalties)) if in_parts else float(losses + penalties)

    def close(self) -> None:
        """Forget what is drawn ahead."""
        for each in filter(None, (self._drawer, self._others)):
            each.shutdown(wait=False, cancel_futures=True)
        self._drawn = None

    def _take(self, loader: TrainingBatches, epoch: int) -> Pairs | None:
        """Return the pairs of an epoch, and begin to draw those of the next, if there will be one."""
        drawn, self._drawn = self._drawn, None
        pairs = drawn[2].result() if drawn is not None and drawn[:2] == (loader, epoch) else loader.pairs(epoch)
        if epoch + 1 < self._trainer.epochs:
            self._drawn = loader, epoch + 1, self._drawer.submit(loader.pairs, epoch + 1)
        return pairs

    def _tell(self, record: Record, terms: PairTerms, first: int, reached: int, last: int) -> None:
        """Have the behaviours look at the loss of each batch, and the last one that was not finite."""
        told = min(reached + 1, last)
        if terms.tell is not None:
            terms.tell(*(torch.tensor(part[told - 1]) for part in (record.losses, record.penalties)))
        losses = torch.from_numpy(record.losses[first:told] + record.penalties[first:told])
        for behaviour in self._trainer.behaviours:
            behaviour.after_batches(self._trainer, losses)


def most_threads() -> int:
    """Return how many threads train at most: a power of two, no more than torch may use or this process has cores."""
    available = min(torch.get_num_threads(), n_cores(), MOST_THREADS) if CAN_WAIT else 1
    return 1 << (max(available, 1).bit_length() - 1)


class _Epoch:
    """The arrays of one epoch: the model's and the optimiser's tensors side by side, and room for a batch."""

    def __init__(
        self,
        model: TellsPairTerms,
        optimizer: torch.optim.Optimizer,
        terms: PairTerms,
        pairs: Pairs,
        choice: ThreadChoice,
        others: ThreadPoolExecutor | None,
    ) -> None:
        (group,) = optimizer.param_groups
        self._parameters = [model.user_embedding.weight, model.item_embedding.weight]
        self._optimizer, self._pairs = optimizer, pairs
        self._choice, self._others = choice, others
        self._group_losses: Any = model.group_losses  # type: ignore[attr-defined]
        beta1, beta2 = group.get("betas", (0.0, 0.0))
        adam = Adam(float(group["lr"]), float(beta1), float(beta2), float(group.get("eps", 0.0)))
        self._updates = Updates(KINDS[type(optimizer)], adam, float(group["weight_decay"]))
        self._step = self._first_step = _steps(optimizer, self._parameters[0])
        self._tables = [
            make_table([part.numpy() for part in self._parts(parameter)], self._step) for parameter in self._parameters
        ]
        for rows, table in zip(pairs[:3], (*self._tables, self._tables[1]), strict=True):
            if not 0 <= rows.min(initial=0) <= rows.max(initial=0) < len(table.rows):
                raise IndexError("index out of range: a user or an item of the training data has no embedding")
        largest = int(np.diff(pairs.bounds).max(initial=1))
        n_batches, n_groups = len(pairs.bounds) - 1, len(self._group_losses.names)
        shifts, weights, popularity = (_array(part) for part in (terms.shifts, terms.weights, terms.popularity))
        self._group_shares = terms.shares
        shares = np.empty(0) if terms.shares is None else terms.shares.numpy().copy()
        groups = self._group_losses.groups.numpy()
        distance = 0 if terms.distance is None else COMPILED_DISTANCES[DISTANCES[terms.distance]]
        gamma = float(model.loss.gamma)  # type: ignore[arg-type]
        penalty, further = float(terms.penalty), (terms.normalize, float(terms.correlation), popularity, shares)
        self._loss = Loss(gamma, shifts, weights, groups, penalty, distance, *further, float(terms.step))
        losses, penalties = np.zeros((2, n_batches))
        sums, counts = np.zeros((2, n_batches, n_groups))
        self.record = Record(losses, penalties, sums, counts)
        shapes = tuple((len(table.rows), table.rows.shape[2]) for table in self._tables)
        self._room = make_room(largest)
        self._new_worker = functools.partial(
            make_worker, shapes=shapes, largest=largest, n_groups=n_groups, updates=self._updates
        )
        self._workers: dict[int, list[Worker]] = {}

    def train(self, first: int, last: int) -> int:
        """Train on batches; return the first whose loss is not finite, ``last`` if none."""
        n_threads, started = self._choice.choose(), time.perf_counter()
        workers = self._workers_of(n_threads)
        users, items = self._tables
        of_epoch = (self._pairs, users, items, self._loss, self._updates, self.record, self._room)
        task = functools.partial(train_batches, first, last, self._step, *of_epoch)
        self._room.counter[:] = 0
        with postponed():  # a thread that does not come is waited for
            helped = [self._others.submit(task, worker) for worker in workers[1:]] if self._others else []
            try:
                reached = int(task(workers[0]))
            except BaseException:
                let_go(self._room.counter)
                raise
            for each in helped:
                each.result()
        self._step += reached - first
        n_pairs = self._pairs.bounds[last] - self._pairs.bounds[first]
        self._choice.tell(n_threads, (time.perf_counter() - started) / n_pairs)
        return reached

    def _workers_of(self, n_threads: int) -> list[Worker]:
        """Return what each of some threads has for itself."""
        if n_threads not in self._workers:
            self._workers[n_threads] = [self._new_worker(number, n_threads) for number in range(n_threads)]
        return self._workers[n_threads]

    def close(self) -> None:
        """Bring all rows up to date, and tell the model, the optimiser and the group losses what was done."""
        if self._updates.kind != SGD:
            for table in self._tables:
                rows = np.arange(len(table.rows))
                bring_up_to_date(rows, self._step, table, self._updates.adam, self._workers_of(1)[0].gaps)
            for parameter in self._parameters:
                self._optimizer.state[parameter]["step"] += self._step - self._first_step
        for parameter, table in zip(self._parameters, self._tables, strict=True):
            for part, found in zip(self._parts(parameter), table.rows.swapaxes(0, 1), strict=True):
                part.copy_(torch.from_numpy(found))
        if self._group_shares is not None:
            self._group_shares.copy_(torch.from_numpy(self._loss.shares))
        self._group_losses.add(*(torch.from_numpy(part.sum(axis=0)) for part in (self.record.sums, self.record.counts)))

    def _parts(self, parameter: torch.Tensor) -> list[torch.Tensor]:
        """Return a parameter, and what Adam knows of it."""
        if self._updates.kind == SGD:
            return [parameter.detach()]
        state = self._optimizer.state[parameter]
        if not state:
            state["step"] = torch.tensor(0.0)
            state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(parameter), torch.zeros_like(parameter)
        return [parameter.detach(), state["exp_avg"], state["exp_avg_sq"]]


def _array(values: torch.Tensor | None) -> np.ndarray:
    return np.empty(0, dtype=np.float32) if values is None else values.numpy()


def _steps(optimizer: torch.optim.Optimizer, parameter: torch.Tensor) -> int:
    return int(optimizer.state[parameter]["step"]) if "step" in optimizer.state.get(parameter, {}) else 0


def _is_unpatched(model: Any) -> bool:
    """Tell whether a model's loss is that of its class, observed at most."""
    patch = vars(model).get("calculate_loss")
    return patch is None or patch is model.group_losses.observed_loss


def _is_plain(embedding: torch.nn.Embedding) -> bool:
    weight = embedding.weight
    plain = all(getattr(embedding, name) == value for name, value in _PLAIN_EMBEDDING.items())
    in_memory = weight.device.type == "cpu" and weight.dtype == torch.float32 and weight.is_contiguous()
    return plain and in_memory and weight.requires_grad


def _has_plain_optimizer(optimizer: torch.optim.Optimizer, model: TellsPairTerms) -> bool:
    tables = [model.user_embedding.weight, model.item_embedding.weight]
    if type(optimizer) not in KINDS or len(optimizer.param_groups) != 1:
        return False
    (group,) = optimizer.param_groups
    held = {id(parameter) for parameter in group["params"]}
    return (
        all(group.get(name, value) == value for name, value in _PLAIN.items())
        and not (type(optimizer) is torch.optim.Adam and group.get("decoupled_weight_decay", False))
        and {id(table) for table in tables} <= held
        and len({_steps(optimizer, table) for table in tables}) == 1
    )


def _tell_of_compiling() -> None:
    """Say so if the loops are not in numba's cache, which takes a while once on each machine."""
    folder = Path(train_batches.stats.cache_path or "")
    if not any(folder.glob(COMPILED_STEP)):
        logging.getLogger().info("compiling the training step, which is kept for the next start")
