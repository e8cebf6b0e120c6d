"""``run``: train and evaluate one model, as RecBole's ``run_recbole.py`` does."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from recbole.utils import EvaluatorType

from recbole_ile.commands.arguments import parse_options, separate_files
from recbole_ile.errors import InputError
from recbole_ile.metric import Bound
from recbole_ile.plugin.catalogue.models import get_model
from recbole_ile.plugin.catalogue.properties import preset_file
from recbole_ile.plugin.checkpoints.files import read_checkpoint
from recbole_ile.plugin.config.config import IleConfig
from recbole_ile.plugin.config.known_keys import check_known
from recbole_ile.plugin.config.stored_settings import stored_settings
from recbole_ile.plugin.output.logs import quiet_recbole
from recbole_ile.plugin.processes.launch import check_processes, run_processes
from recbole_ile.plugin.runs.guest import leaving_no_trace
from recbole_ile.plugin.runs.pipeline import train_and_evaluate
from recbole_ile.plugin.runs.reevaluation import reevaluate, reevaluation_config
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

OF_THE_CALL = ("trust_checkpoint", "checkpoint", "reprice", "per_user", "report")
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
    report: bool = False,
) -> dict[str, Any]:
    """Train and evaluate a model, RecBole's own or one with mitigations, as RecBole's ``run_recbole`` does.

    Nothing is read from ``sys.argv``, and the process is as before when it returns, see ``plugin.guest``.

    Args:
        model: ``BPR_ILE``, say; may also stand in a configuration file.
        dataset: ``ml-100k``, say; may also stand in a configuration file.
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
        report: whether to leave ``report.html`` beside the results, a page with tables and interactive figures.

    Returns:
        RecBole's ``best_valid_score``, ``valid_score_bigger``, ``best_valid_result`` and ``test_result``;
        ``model`` and ``dataset``; ``test_by_user_group`` and ``test_by_item_group``, a row for each group;
        ``user_group_field``, what user groups are of, ``None`` for taste;
        ``group_names`` and ``group_losses``, for each epoch the ``[G]`` mean losses; ``target`` and
        ``target_course`` if ``ile_target`` was given; ``checkpoint`` and ``output_dir``, paths or ``None``; and
        ``per_user`` and ``report``, paths, if they were asked for.

    Raises:
        InputError: for an option, file or data set that cannot be used.
    """
    if checkpoint is not None and resume is not None:
        raise InputError(f"options checkpoint={checkpoint} and resume={resume}: evaluate the one or continue the other")
    for option, asked in (("per_user", per_user), ("report", report)):
        if asked and not saved:
            raise InputError(f"option {option}=True leaves a file beside the results, which saved=False does not keep")
    with quiet_recbole(), trusting_checkpoints(trust_checkpoint):
        if checkpoint is None:
            stored = None if resume is None else read_checkpoint(resume, map_location="cpu")
            config = _configuration(model, dataset, config_file_list, config_dict, resume, stored)
            _check_per_user(config, per_user)
            result, seconds = train_and_evaluate(config, saved, resume, stored, per_user, report)
        else:
            stored = read_checkpoint(checkpoint, map_location="cpu")
            config = reevaluation_config(checkpoint, stored["config"], model, dataset, config_file_list, config_dict)
            _check_per_user(config, per_user)
            result, seconds = reevaluate(config, stored, checkpoint, saved, reprice, per_user, report)
    users, page = result.pop("per_user", None), result.pop("page", None)
    if saved and config["local_rank"] == 0:
        if users is not None:
            result["per_user"] = str(write_users(users, Path(result["output_dir"])))
        if page is not None:
            result["report"] = str(write_run_page(result, page, config, versions(), checkpoint))
        write_run(result, config, versions(), seconds)
    return result


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
) -> IleConfig:
    if resume is None or content is None:
        return IleConfig(model, dataset, config_file_list, config_dict)
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
