"""``run``: train and evaluate one model, as RecBole's ``run_recbole.py`` does."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from recbole.utils import EvaluatorType

from recbole_ile.commands.arguments import parse_options, separate_files
from recbole_ile.errors import InputError
from recbole_ile.fetching.atomic import FIELDS
from recbole_ile.fetching.frames import NAME as NAME_OF_FRAMES
from recbole_ile.fetching.frames import keep_frames
from recbole_ile.metric import Bound
from recbole_ile.plugin.catalogue.models import get_model
from recbole_ile.plugin.catalogue.properties import preset_file
from recbole_ile.plugin.checkpoints.files import read_checkpoint
from recbole_ile.plugin.config.config import IleConfig
from recbole_ile.plugin.config.known_keys import check_known
from recbole_ile.plugin.config.stored_settings import stored_settings
from recbole_ile.plugin.data.cache import cache_folder
from recbole_ile.plugin.output.logs import quiet_recbole
from recbole_ile.plugin.processes.launch import check_processes, run_processes
from recbole_ile.plugin.runs.guest import leaving_no_trace
from recbole_ile.plugin.runs.pipeline import train_and_evaluate
from recbole_ile.plugin.runs.reevaluation import reevaluate, reevaluation_config
from recbole_ile.plugin.runs.refit import check_no_refit, refit_config
from recbole_ile.plugin.runs.versions import versions
from recbole_ile.plugin.trust import trusting_checkpoints
from recbole_ile.report.run.files import write_run, write_run_page, write_users
from recbole_ile.report.tables import print_comparison, print_prices, print_result
from recbole_ile.texts import printable

NAME = "run"
HELP = "train and evaluate a model (the default)"
EXAMPLE = "recbole-ile run --model=BPR_ILE --dataset=ml-100k"
CONTINUED = ("model", "dataset", "valid_metric", "learner", "seed")
"""What a continued run cannot change without becoming another one."""

OF_THE_CALL = ("trust_checkpoint", "checkpoint", "reprice", "per_user", "report", "refit")
"""Arguments of a run that say nothing of its configuration."""


@leaving_no_trace()
def run_recbole_ile(
    model: str | None = None,
    dataset: str | None = None,
    config_file_list: list[str] | None = None,
    config_dict: dict[str, Any] | None = None,
    saved: bool = True,
    resume: str | Path | None = None,
    trust_checkpoint: bool = False,
    checkpoint: str | Path | None = None,
    reprice: bool = False,
    per_user: bool = False,
    interactions: Any = None,
    users: Any = None,
    items: Any = None,
    refit: bool = False,
    report: bool = False,
) -> dict[str, Any]:
    """Train and evaluate a model, RecBole's own or one with mitigations, as RecBole's ``run_recbole`` does.

    Nothing is read from ``sys.argv``, and the process is as before when it returns, see ``plugin.guest``.

    Args:
        model: ``BPR_ILE``, say; may also stand in a configuration file.
        dataset: ``ml-100k``, say; may also stand in a configuration file; of ``interactions`` any name.
        config_file_list: YAML files, the later ones win.
        config_dict: options, which win over the files; a key with dots sets one entry of a dictionary.
        saved: whether to write the checkpoint and, in a folder of its name beside it, the results.
        resume: checkpoint of an interrupted run, to be continued; it also tells model, data set and
            options that are not given.
        trust_checkpoint: whether a checkpoint may contain code that is run when it is read.
        checkpoint: a trained model that is only evaluated, under other settings of CP and PUFR for instance; it
            tells model, data set and options that are not given.
        reprice: whether exposure prices in ``checkpoint`` are found anew, from the training interactions of now.
        per_user: whether to leave ``per_user.parquet`` beside the results: of each user the metrics, the group, the
            profile's shares and the list.
        interactions: instead of a data set's files a frame of pandas or polars, a table of Arrow, or what else has
            columns by name: users, items and perhaps ratings and timestamps, found as ``fetch`` finds them or by the
            options ``USER_ID_FIELD`` and the like. It is kept as atomic files in the cache folder, so that checkpoints
            can be used later; ``data_path`` is where.
        users: with ``interactions``, a table of users and their features, the columns of a ``.user`` file.
        items: with ``interactions``, the same of items.
        refit: whether the setting of ``checkpoint`` is trained on all interactions of the data as they are now, for as
            many epochs as its validation found. There is no test result then, and the new checkpoint says so.
        report: whether to leave ``report.html`` beside the results, a page with tables and interactive figures.

    Returns:
        RecBole's ``best_valid_score``, ``valid_score_bigger``, ``best_valid_result`` and ``test_result``;
        ``model`` and ``dataset``; ``test_by_user_group`` and ``test_by_item_group``, a row for each group;
        ``user_group_field``, what user groups are of, ``None`` for taste;
        ``group_names`` and ``group_losses``, for each epoch the ``[G]`` mean losses; ``target`` and
        ``target_course`` if ``ile_target`` was given; ``refit``, of which checkpoint and for how many epochs, if it is
        one; ``checkpoint`` and ``output_dir``, paths or ``None``; ``per_user`` and ``report``, paths, if they were
        asked for; and ``data_path``, the folder of the kept ``interactions``.

    Raises:
        InputError: for an option, file or data set that cannot be used.
    """
    if checkpoint is not None and resume is not None:
        raise InputError(f"options checkpoint={checkpoint} and resume={resume}: evaluate the one or continue the other")
    if refit and (checkpoint is None or not saved or reprice or per_user or report):
        raise InputError(
            "option refit=True trains the setting of a checkpoint and saves the model; it needs checkpoint, and "
            "neither saved=False, reprice, per_user nor report"
        )
    for option, asked in (("per_user", per_user), ("report", report)):
        if asked and not saved:
            raise InputError(f"option {option}=True leaves a file beside the results, which saved=False does not keep")
    if interactions is None and (users is not None or items is not None):
        raise InputError("options users and items go with interactions, which is not given")
    with quiet_recbole(), trusting_checkpoints(trust_checkpoint):
        opened = resume if checkpoint is None else checkpoint
        stored = None if opened is None else read_checkpoint(opened, map_location="cpu")

        def configure(options: dict[str, Any] | None) -> tuple[IleConfig, Any]:
            if checkpoint is not None and stored is not None:
                if refit:
                    return refit_config(checkpoint, stored, model, dataset, config_file_list, options)
                check_no_refit(checkpoint, stored)
                return reevaluation_config(
                    checkpoint, stored["config"], model, dataset, config_file_list, options
                ), None
            unnamed = None if interactions is None else {"dataset": NAME_OF_FRAMES}
            return _configuration(model, dataset, config_file_list, options, resume, stored, unnamed), None

        (config, again), data_path = configure(config_dict), None
        if interactions is not None:
            data_path = _kept_frames(config, interactions, users, items)
            config, again = configure({**(config_dict or {}), "data_path": data_path})
        _check_per_user(config, per_user)
        if checkpoint is None or stored is None:
            result, seconds = train_and_evaluate(config, saved, resume, stored, per_user, report=report)
        elif refit:
            result, seconds = train_and_evaluate(config, refit=again)
        else:
            result, seconds = reevaluate(config, stored, checkpoint, saved, reprice, per_user, report)
    if data_path is not None:
        result["data_path"] = data_path
    table, page = result.pop("per_user", None), result.pop("page", None)
    if saved and config["local_rank"] == 0:
        if table is not None:
            result["per_user"] = str(write_users(table, Path(result["output_dir"])))
        if page is not None:
            result["report"] = str(write_run_page(result, page, config, versions(), checkpoint))
        write_run(result, config, versions(), seconds)
    return result


def _kept_frames(config: IleConfig, interactions: Any, users: Any, items: Any) -> str:
    """Keep the tables of a caller below the cache folder and return the ``data_path`` of the data set that they are."""
    if config["benchmark_filename"] is not None:
        raise InputError(
            f"option benchmark_filename={config['benchmark_filename']} names files that are split already, and "
            "interactions is one table; leave one out"
        )
    options = {"user": "USER_ID_FIELD", "item": "ITEM_ID_FIELD", "rating": "RATING_FIELD", "timestamp": "TIME_FIELD"}
    fields = {role: config[option] or FIELDS[role] for role, option in options.items()}
    folder = cache_folder().absolute().parent / "frames"
    return str(keep_frames(folder, config["dataset"], interactions, users, items, fields))


def _check_per_user(config: IleConfig, per_user: bool) -> None:
    if per_user and config["eval_type"] is not EvaluatorType.RANKING:
        raise InputError(
            f"option per_user is of lists, and metrics={config['metrics']!r} are of single values; leave one out"
        )


def _configuration(
    model: str | None,
    dataset: str | None,
    config_file_list: list[str] | None,
    config_dict: dict[str, Any] | None,
    resume: str | Path | None,
    content: dict[str, Any] | None,
    lowest: dict[str, Any] | None = None,
) -> IleConfig:
    if resume is None or content is None:
        return IleConfig(model, dataset, config_file_list, config_dict, lowest)
    stored = content["config"]
    names = model or stored["model"], dataset or stored["dataset"]
    kept = {**stored_settings(stored.external_config_dict, resume), "checkpoint_dir": str(Path(resume).parent)}
    config = IleConfig(*names, config_file_list, config_dict, kept)
    _check_continuation(config, stored, resume)
    return config


def _check_continuation(config: Any, stored: Any, checkpoint: str | Path) -> None:
    # A member that is trained is not trained on.
    for key in (*CONTINUED, "epochs") if config.name.ensemble else CONTINUED:
        if config[key] != stored[key]:
            raise InputError(
                f"option {key}={config[key]!r} is not that of checkpoint {checkpoint}, {stored[key]!r}; a run is "
                "continued with what it was started with"
            )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that are not keys of the configuration."""
    parser.add_argument(
        "--model", "-m", help="any model of RecBole, alone or with a suffix; several, BPR,BPR_ILE say, are compared"
    )
    parser.add_argument("--dataset", "-d", help="a folder of --data_path; ml-100k comes with RecBole")
    parser.add_argument("--config_files", nargs="+", default=[], metavar="YAML", help="the later ones win")
    parser.add_argument("--preset", help="ready-made settings: paper, for ml-1m and goodreads; --config_files win")
    parser.add_argument("--resume", metavar="CHECKPOINT", help="continue an interrupted run")
    parser.add_argument(
        "--checkpoint", metavar="CHECKPOINT", help="evaluate a trained model, under another --cp_weight for instance"
    )
    parser.add_argument(
        "--reprice", action="store_true", help="with --checkpoint: find exposure prices anew from the data of now"
    )
    parser.add_argument(
        "--refit",
        action="store_true",
        help="with --checkpoint: train its setting on all interactions, for the epochs that validation found",
    )
    parser.add_argument(
        "--per_user", action="store_true", help="leave per_user.parquet: of each user metrics, group, profile and list"
    )
    parser.add_argument(
        "--report", action="store_true", help="leave report.html: a page with the tables, figures and items of this run"
    )
    parser.add_argument("--trust_checkpoint", action="store_true", help="allow code in the checkpoint that is read")
    parser.add_argument("--nproc", type=int, default=1, help="processes that train together on this machine")
    parser.add_argument("--ip", default="localhost", help="address of the first machine")
    parser.add_argument("--port", help="port of the first machine; default any, 5678 with several machines")
    parser.add_argument("--world_size", type=int, default=-1, help="processes on all machines; default --nproc")
    parser.add_argument("--group_offset", type=int, default=0, help="number of this machine's first process")
    parser.epilog = (
        "Every key of RecBole's and this plugin's configuration is an option too: --key=value or --key value."
    )


def main(arguments: argparse.Namespace, rest: list[str]) -> int:
    """Run what the command line asks for and print the tables."""
    options = parse_options(rest)
    check_known(options)
    files = separate_files(arguments.config_files)
    if arguments.preset:
        files = [preset_file(arguments.preset, arguments.dataset), *files]
    keywords = {
        "dataset": arguments.dataset,
        "config_file_list": files,
        "config_dict": options,
        "resume": arguments.resume,
        "checkpoint": arguments.checkpoint,
        "trust_checkpoint": arguments.trust_checkpoint,
        "reprice": arguments.reprice,
        "per_user": arguments.per_user,
        "refit": arguments.refit,
        "report": arguments.report,
    }
    named = [name.strip() for name in (arguments.model or "").split(",")]
    models = list(dict.fromkeys(name for name in named if name)) or [""]
    if len(models) > 1 and arguments.resume:
        raise InputError(
            f"option resume={arguments.resume} continues one run, but --model={arguments.model} names several"
        )
    for model in models:
        if model:
            get_model(model)
    results = []
    for model in models:
        result = _run_one({**keywords, "model": model or None}, arguments)
        if "refit" in result:
            print(printable(_of_refit(**result["refit"])))
        else:
            print_result(result, f"{result['model']} on {result['dataset']}, test part")
        if "prices" in result:
            print_prices(result["prices"])
        if "ranking" in result:
            chosen = ", ".join(f"{option}={weight:.4g}" for option, weight in result["ranking"]["chosen"].items())
            print(printable(f"chosen on the validation part: {chosen}"))
        if "target" in result:
            print(printable(_of_target(**result["target"])))
        print(printable(f"checkpoint {result['checkpoint']}, details in {result['output_dir']}"))
        if "report" in result:
            print(printable(f"report {result['report']}"))
        results.append(result)
    if len(results) > 1 and all(result["test_result"] for result in results):
        print_comparison({result["model"]: result["test_result"] for result in results})
    return 0


def _of_refit(of: str, epochs: int) -> str:
    """Say what a model was trained on that nothing is left to test."""
    return f"refit of {of}: trained on all interactions, epochs: {epochs}; nothing is left to test it on"


def _of_target(wanted: str, valid: float, test: float | None, met: bool) -> str:
    """Say whether a fairness target was met."""
    metric = Bound.parse(wanted).metric
    verdict = "met" if met else "missed, this is the closest"
    return f"target {wanted}: {verdict}; {metric} {valid:.4f} on the validation part" + (
        f", {test:.4f} on the test part" if test is not None else ""
    )


def _run_one(keywords: dict[str, Any], arguments: argparse.Namespace) -> dict[str, Any]:
    """Run in this process, or in several if the command line asks for them."""
    if arguments.nproc < 1:
        raise InputError(f"option nproc={arguments.nproc} is not allowed; it takes a whole number of at least 1")
    if arguments.nproc == 1 and arguments.world_size <= 0:
        return run_recbole_ile(**keywords)
    world_size, last = arguments.world_size, arguments.group_offset + arguments.nproc
    if arguments.group_offset < 0 or (world_size > 0 and world_size < last):
        raise InputError(
            f"option world_size={world_size} is not allowed; with group_offset={arguments.group_offset} and "
            f"nproc={arguments.nproc} it is at least {last}"
        )
    if arguments.checkpoint:
        raise InputError(f"option nproc={arguments.nproc}: --checkpoint evaluates in one process")
    with quiet_recbole(), trusting_checkpoints(keywords["trust_checkpoint"]):
        settings = {key: value for key, value in keywords.items() if key not in OF_THE_CALL}
        resume = settings["resume"]
        content = None if resume is None else read_checkpoint(resume, map_location="cpu")
        config = _configuration(**settings, content=content)
        check_processes(config, arguments.nproc)
    try:
        return run_processes(
            run_recbole_ile,
            keywords,
            nproc=arguments.nproc,
            world_size=arguments.world_size,
            ip=arguments.ip,
            port=arguments.port,
            group_offset=arguments.group_offset,
        )
    except KeyboardInterrupt as error:  # which the processes do not hear, and only they know their checkpoint
        where = keywords["resume"] or Path(config["checkpoint_dir"]) / f"{config['model']}-<time>.pth"
        raise KeyboardInterrupt(f"--resume={where} continues after the best epoch so far, if there is one") from error
