"""``recommend --all --out=<folder>/``: the lists of all users in many files, continued where they stopped."""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

import torch

from recbole_ile.commands.interruption import advising, waiting
from recbole_ile.commands.shard_worker import Job, ShardWriter, writer_of
from recbole_ile.commands.trained import opened
from recbole_ile.commands.unlisted import NO_SEQUENCE, of_no_sequence, without_lists
from recbole_ile.errors import InputError
from recbole_ile.experiments.engine.shared_data import shared
from recbole_ile.plugin.config.config import IleConfig
from recbole_ile.plugin.data.checksummed_file import file_digest
from recbole_ile.plugin.output.logs import quiet_recbole
from recbole_ile.plugin.output.peak_memory import peak_bytes
from recbole_ile.plugin.runs.recommendation import Recommender, parts_of
from recbole_ile.plugin.runs.restoring import restore, with_ranking
from recbole_ile.plugin.trust import trusting_checkpoints
from recbole_ile.report.run.lists import SUFFIXES
from recbole_ile.report.run.shard_progress import ShardProgress
from recbole_ile.report.run.shards import Plan, ShardFolder
from recbole_ile.texts import printable

SHARD_USERS = 100_000
"""Users in a file unless the command line says otherwise."""
ACTING = ("item_group_by", "item_group_split", "item_group_field", "rank_metric", "rank_tolerance", "eval_memory")
"""Options that lists depend on, beside those of the mitigations and what a checkpoint was trained with."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of lists in a folder."""
    parser.add_argument(
        "--shard_users", metavar="N", help=f"users in a file of a folder; {SHARD_USERS} by default, or as it was begun"
    )
    parser.add_argument("--address", help="with a folder: a Ray cluster that writes it, local, auto or <host>:<port>")
    parser.add_argument("--verbose", action="store_true", help="let Ray say what it does")


def is_folder(out: str) -> bool:
    """Tell whether ``--out`` means a folder: it ends in ``/``, or is one that is not called as a file is."""
    return out.endswith(("/", os.sep)) or (Path(out).is_dir() and Path(out).suffix not in SUFFIXES)


def check(arguments: argparse.Namespace) -> None:
    """Refuse what goes with a folder alone, or with a file alone.

    Raises:
        InputError: names the option, its value and what is allowed.
    """
    if not is_folder(arguments.out):
        for name in ("shard_users", "address"):
            value = getattr(arguments, name)
            if value is not None:
                raise InputError(f"option {name}={value} is of no use for one file; --out=lists/ is a folder of them")
        return
    given = arguments.shard_users
    if Path(arguments.out).exists() and not Path(arguments.out).is_dir():
        raise InputError(f"option out={arguments.out} is a file; without the / at its end it is replaced")
    if not arguments.all:
        raise InputError(f"option out={arguments.out}: a folder takes the lists of --all; --users takes a file")
    if arguments.names:
        raise InputError(f"option names: the files of a folder have no titles; --out=<file>{SUFFIXES[0]} takes them")
    if given is not None and (not given.isdecimal() or int(given) < 1):
        raise InputError(f"option shard_users={given} is not allowed; it takes a whole number of at least 1")


def main(arguments: argparse.Namespace, options: dict[str, str], out: Path, k: int) -> int:
    """Write the files that are not there yet."""
    started = time.perf_counter()
    quiet, trusting = quiet_recbole(), trusting_checkpoints(arguments.trust_checkpoint)
    again = advising("the same command goes on with the files that are missing")
    folder = ShardFolder(out)
    with again, quiet, trusting, folder.alone(lambda: print(waiting("recommend", out))):
        kept = folder.plan()
        config, stored = opened(arguments, options)
        wanted = _wanted(arguments, config, k)
        folder.check(**wanted)
        block, threads = (kept.block, kept.threads) if kept else (None, torch.get_num_threads())
        torch.set_num_threads(threads)  # which stay as they were for whoever called
        config["fast_loader"] = True
        run = restore(config, stored, arguments.checkpoint, needs_split=False, anew=arguments.reprice)
        lists = Recommender(run.trainer, parts_of(run.data), k, loader=run.data.test, block=block)
        skipped = of_no_sequence(lists, run.data.dataset)
        told = without_lists(skipped, NO_SEQUENCE, bool(len(lists.users)), str(config["model"]))
        of_data = {"data": run.data.identity().digest, "users": len(lists.users)}
        folder.check(**of_data)
        chosen = {"shard_users": SHARD_USERS, "block": lists.block, "threads": threads}
        plan = kept or Plan(**{**chosen, **wanted, **of_data})
        folder.begin(plan)
        missing = folder.missing(plan)
        if missing and arguments.address:
            checkpoint = str(Path(arguments.checkpoint).absolute())
            data = shared(run.data.dataset)
            job = Job(out.absolute(), plan, checkpoint, with_ranking(stored, run), data, config.name, options, k)
            _spread(arguments, job, missing, config["device"].type == "cuda")
        else:
            del stored
            _write(ShardWriter(folder, plan, lists, run.data.dataset), plan, missing)
    if told:
        print(told)
    seen = "without what they have used" if lists.leaves_history_out else "with what they have used, as in evaluation"
    there = plan.shards - len(missing)
    print(
        f"{plan.users} users, lists of {k}, {seen}, {plan.shards} files in {printable(out)}"
        f"{f', of which {there} were there' if there else ''}; "
        f"{time.perf_counter() - started:.1f} s, at most {peak_bytes() / 1e9:.2f} GB of memory"
    )
    return 0


def _write(write: ShardWriter, plan: Plan, missing: list[int]) -> None:
    with _progress(plan, missing) as progress:
        for number in missing:
            write(number, progress.advance)
            progress.written()


def _spread(arguments: argparse.Namespace, job: Job, missing: list[int], gpu: bool) -> None:
    """Have a Ray cluster write the files."""
    from recbole_ile.experiments.engine.machines import ray_session
    from recbole_ile.experiments.engine.spreading import spread  # which takes seconds to import

    with ray_session(arguments.address, arguments.verbose), _progress(job.plan, missing) as progress:
        for users in spread(missing, writer_of, job, job.plan.threads, gpu):
            progress.advance(users)
            progress.written()


def _wanted(arguments: argparse.Namespace, config: IleConfig, k: int) -> dict[str, Any]:
    """Return what the command line says of a plan."""
    digest = file_digest(arguments.checkpoint).hex()
    found: dict[str, Any] = {"checkpoint": digest, "options": _options(config, k, arguments.reprice)}
    return {**found, "shard_users": int(arguments.shard_users)} if arguments.shard_users else found


def _options(config: IleConfig, k: int, reprice: bool) -> dict[str, Any]:
    """Return what lists depend on beside the checkpoint and the data, as JSON has it."""
    acting = {key: config[key] for key in sorted({*config.name.ranking_keys, *ACTING})}
    given = {"model": str(config.name), "k": k, "reprice": reprice, "device": config["device"].type, **acting}
    return json.loads(json.dumps(given, default=str))


def _progress(plan: Plan, missing: list[int]) -> ShardProgress:
    left = sum(last - first for first, last in map(plan.places, missing))
    return ShardProgress(plan.users, plan.users - left, plan.shards, len(missing))
