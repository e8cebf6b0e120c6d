"""Seconds of the processor that IALS and the package implicit take for the same number of iterations.

python benchmarks/ials.py --data_path=<folder> [--dataset=gowalla] [--factors=64] [--iterations=5]

``implicit`` is the extra ``bench``. One thread each; 80 % of the interactions, drawn at random.
"""

from __future__ import annotations

import argparse
import itertools
import time
from pathlib import Path

import numpy as np
import pandas as pd
from implicit.cpu.als import AlternatingLeastSquares
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from recbole_ile.kernels.alternation import Ridge, alternate

SHARE = 0.8


def read_counts(path: Path) -> csr_matrix:
    """Return ``[U, n]`` observations of a part of the interactions of an atomic file."""
    table = pd.read_csv(path, sep="\t").sample(frac=SHARE, random_state=0)
    users, items = (pd.factorize(table.iloc[:, column])[0] for column in (0, 1))
    return csr_matrix((np.ones(len(table)), (users, items)))


def main() -> None:
    """Print the seconds of both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data_path", type=Path, required=True)
    parser.add_argument("--dataset", default="gowalla")
    parser.add_argument("--factors", type=int, default=64)
    parser.add_argument("--iterations", type=int, default=5)
    arguments = parser.parse_args()
    counts = read_counts(arguments.data_path / arguments.dataset / f"{arguments.dataset}.inter")
    size = {"factors": arguments.factors}
    next(alternate(counts[:10], ridge=Ridge(5.0, 0.01), seed=0, **size))  # compiles
    start = time.process_time()
    next(itertools.islice(alternate(counts, ridge=Ridge(5.0, 0.01), seed=0, **size), arguments.iterations - 1, None))
    print(f"IALS, exact: {time.process_time() - start:.1f} s")
    with threadpool_limits(1, "blas"):
        for name, by_gradients in (("conjugate gradients", True), ("exact", False)):
            model = AlternatingLeastSquares(
                alpha=5.0, iterations=arguments.iterations, use_cg=by_gradients, num_threads=1, random_state=1, **size
            )
            start = time.process_time()
            model.fit(counts.astype(np.float32), show_progress=False)
            print(f"implicit, {name}: {time.process_time() - start:.1f} s")


if __name__ == "__main__":
    main()
