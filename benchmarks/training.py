"""What a training epoch takes: stock RecBole, this plugin and, for BPR, cornac and implicit, in alternation.

python benchmarks/training.py --dataset=ml-1m --data_path=<folder> [--models BPR BPR_ILE NeuMF] [--rounds=7]

Every model is compared with stock RecBole's base model. cornac and implicit (`pip install "recbole_ile[bench]"`)
train BPR without mini-batches, one update after each interaction, and a fit of theirs includes its set-up.
"""

from __future__ import annotations

import importlib.util
import itertools
from collections.abc import Callable

import numpy as np
from scipy.sparse import csr_matrix
from side_by_side import Run, alternate, ours, parser, report, settings, stock, timed

from recbole_ile.functional.distances import DISTANCES
from recbole_ile.plugin.catalogue.model_names import ModelName
from recbole_ile.plugin.output.logs import quiet_recbole


def epoch(run: Run) -> Callable[[], float]:
    """Return a function that trains the next epoch and returns the seconds that it took."""
    numbers = itertools.count()
    return timed(lambda: run.trainer._train_epoch(run.train, next(numbers)))


def cython_epochs(run: Run, threads: int) -> dict[str, Callable[[], float]]:
    """Return functions that train BPR of cornac and of implicit for an epoch, where they are installed."""
    table = run.train._dataset.inter_feat
    users, items = (table[field].numpy() - 1 for field in (run.model.USER_ID, run.model.ITEM_ID))
    size = run.model.embedding_size
    epochs: dict[str, Callable[[], float]] = {}
    if importlib.util.find_spec("cornac"):
        from cornac.data import Dataset
        from cornac.models import BPR

        data = Dataset.build(zip(users.tolist(), items.tolist(), itertools.repeat(1.0)))
        epochs["cornac BPR"] = timed(lambda: BPR(size, max_iter=1, num_threads=threads, seed=0).fit(data))
    if importlib.util.find_spec("implicit"):
        from implicit.cpu.bpr import BayesianPersonalizedRanking

        ones = csr_matrix((np.ones(len(users), dtype=np.float32), (users, items)))
        model = BayesianPersonalizedRanking(size, iterations=1, num_threads=threads, random_state=0)
        epochs["implicit BPR"] = timed(lambda: model.fit(ones, show_progress=False))
    return epochs


def main() -> None:
    """Print a table for each base model."""
    options = parser(__doc__)
    options.add_argument("--models", nargs="+", default=["BPR", "BPR_ILE"])
    options.add_argument("--distances", nargs="+", default=["mad"], choices=sorted(DISTANCES))
    arguments = options.parse_args()
    given = settings(arguments)
    for base in dict.fromkeys(ModelName.parse(name).base for name in arguments.models):
        reference = stock(base, given)
        tasks = {"stock": epoch(reference)}
        for name in [name for name in arguments.models if ModelName.parse(name).base == base]:
            for distance in arguments.distances if name.endswith("_ILE") else [None]:
                further = {"ile_distance": distance} if distance else {}
                tasks[f"{name} {distance or ''}".strip()] = epoch(ours(name, {**given, **further}))
        if base == "BPR":
            tasks.update(cython_epochs(reference, arguments.threads))
        title = f"an epoch of {base} on {arguments.dataset}, {len(reference.train._dataset)} interactions"
        report(title, alternate(tasks, arguments.rounds), "stock")


if __name__ == "__main__":
    with quiet_recbole():
        main()
