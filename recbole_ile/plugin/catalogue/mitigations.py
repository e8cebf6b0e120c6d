"""Every mitigation, declared once: its class, its options and what they may be, and where it works."""

from __future__ import annotations

import enum
import functools
import importlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from recbole_ile.errors import InputError
from recbole_ile.functional.distances import DISTANCES
from recbole_ile.plugin.catalogue.properties import properties_dir
from recbole_ile.plugin.catalogue.rule import HEAVY, Rule, either, number, one_of, or_none, text, truth, whole
from recbole_ile.plugin.catalogue.support import without_lists, without_logits, without_loss, without_pairs
from recbole_ile.yaml_files import read_yaml

ENTRY_POINTS = "recbole_ile.mitigations"
"""The group of entry points by which another installed package declares mitigations."""
AUTO = "auto"
"""A weight that is chosen on the validation part; until then, its mitigation does nothing."""
NONE = "none"
"""What an option says that is switched off where a number would be one of its values."""
SEARCH = "search"
"""The entry of a mitigation's YAML file that holds what ``sweep`` tries of it."""


class Stage(enum.IntEnum):
    """When a mitigation acts; in a model's name, those in training come first."""

    TRAINING = 0
    RANKING = 1


@dataclass(frozen=True)
class Mitigation:
    """What is known of a mitigation.

    Attributes:
        suffix: behind the model's name, ``CP`` say.
        mixin: its class, ``package.module:Class``; composed with a model's class, before it.
        stage: when it acts.
        neutral: settings under which the base model is what it always was; ``None`` if there are none.
        rules: what its options may be; one without a rule takes what is like its default.
        defaults: its YAML file: the options, and what ``sweep`` tries of them under ``search``.
        refuses: returns why it does not work on a model of RecBole, as the predicate of a sentence, or ``None``.
        trains_with: options of a mitigation in ranking that act in training all the same.
        ranks_with: options of a mitigation in training that act in ranking alone.
        ensemble: whether several copies of the model are trained.
    """

    suffix: str
    mixin: str
    stage: Stage
    neutral: Mapping[str, Any] | None
    rules: Mapping[str, Rule]
    defaults: Path
    refuses: Callable[[str], str | None] = without_loss
    trains_with: frozenset[str] = frozenset()
    ranks_with: frozenset[str] = frozenset()
    ensemble: bool = False
    _content: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __reduce__(self) -> Any:
        return find_mitigation, (self.suffix,)

    @property
    def options(self) -> dict[str, Any]:
        """The options with their defaults."""
        return {key: value for key, value in self._read().items() if key != SEARCH}

    @property
    def search(self) -> Any:
        """What ``sweep`` tries, as a file of a space says it; nothing if the file says nothing."""
        return self._read().get(SEARCH)

    @property
    def keys(self) -> frozenset[str]:
        """The names of the options."""
        return frozenset(self.options)

    @property
    def ranking_keys(self) -> frozenset[str]:
        """The options that act when lists are made of a trained model's scores."""
        return self.keys - self.trains_with if self.stage is Stage.RANKING else self.ranks_with

    def acts(self, settings: Mapping[str, Any]) -> bool:
        """Tell whether it does anything under some settings, with the defaults of what they do not say."""
        known = {**self.options, **settings}
        return self.neutral is None or any(known[key] != value for key, value in self.neutral.items())

    def acts_in_ranking(self, settings: Mapping[str, Any]) -> bool:
        """Tell whether it does anything to the scores of a trained model under some settings."""
        if self.stage is Stage.RANKING:
            return self.acts(settings)
        return any({**self.options, **settings}[key] for key in self.ranks_with)

    def load(self) -> type[Any]:
        """Import its class.

        Raises:
            InputError: if there is none.
        """
        module, _, name = self.mixin.partition(":")
        try:
            return getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError) as error:
            raise InputError(f"mitigation {self.suffix}: {self.mixin} cannot be imported: {error}") from error

    @property
    def learned(self) -> frozenset[str]:
        """The buffers of a model that hold what it learns of the ranking, ``ranking_state`` of its class."""
        return frozenset(name for kind in self.load().__mro__ for name in vars(kind).get("ranking_state", ()))

    def _read(self) -> dict[str, Any]:
        if not self._content:
            found = read_yaml(self.defaults, f"defaults of mitigation {self.suffix}") or {}
            self._content.update({key: _as_number(value) for key, value in found.items()})
        return self._content


def _as_number(value: Any) -> Any:
    """Return a text such as ``1e-3``, which YAML takes for a word, as the number that it is for RecBole's files."""
    return float(value) if isinstance(value, str) and _SCIENTIFIC.fullmatch(value) else value


_SCIENTIFIC = re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+")


def _own(suffix: str) -> Path:
    return properties_dir() / "mitigation" / f"{suffix}.yaml"


_OWN = (
    Mitigation(
        suffix="LA",
        mixin="recbole_ile.plugin.mitigations.la:LogitAdjustment",
        stage=Stage.TRAINING,
        neutral={"la_tau": 0.0},
        rules={"la_tau": number(0, HEAVY)},
        defaults=_own("LA"),
        refuses=without_logits,
    ),
    Mitigation(
        suffix="PD",
        mixin="recbole_ile.plugin.mitigations.pd:PopularityDeconfounding",
        stage=Stage.TRAINING,
        neutral=None,
        rules={"pd_gamma": number(0, HEAVY), "pd_inject": number(0, HEAVY)},
        defaults=_own("PD"),
        refuses=without_pairs,
        ranks_with=frozenset(("pd_inject",)),
    ),
    Mitigation(
        suffix="ILE",
        mixin="recbole_ile.plugin.mitigations.ile:ItemLossEqualization",
        stage=Stage.TRAINING,
        neutral={"ile_lambda": 0.0},
        rules={
            "ile_lambda": number(0, HEAVY),
            "ile_distance": one_of(*DISTANCES),
            "ile_target": or_none(text()),
            "ile_target_rate": number(0, HEAVY),
            "ile_target_push": number(0, HEAVY),
            "ile_target_wait": whole(1),
            "ile_target_range": number(1, HEAVY),
        },
        defaults=_own("ILE"),
    ),
    Mitigation(
        suffix="PCC",
        mixin="recbole_ile.plugin.mitigations.pcc:PopularityCorrelation",
        stage=Stage.TRAINING,
        neutral={"pcc_weight": 0.0},
        rules={"pcc_weight": number(0, 1)},
        defaults=_own("PCC"),
        refuses=without_pairs,
    ),
    Mitigation(
        suffix="IPS",
        mixin="recbole_ile.plugin.mitigations.ips:InversePropensityScoring",
        stage=Stage.TRAINING,
        neutral={"ips_max": 1.0, "ips_power": NONE},
        rules={
            "ips_max": number(1, HEAVY),
            "ips_power": either(number(0, HEAVY), one_of(NONE)),
            "ips_clip": either(number(0, 1, inclusive=False), one_of(NONE)),
            "ips_normalize": truth(),
        },
        defaults=_own("IPS"),
    ),
    Mitigation(
        suffix="GDRO",
        mixin="recbole_ile.plugin.mitigations.gdro:GroupRobustness",
        stage=Stage.TRAINING,
        neutral=None,
        rules={"gdro_step": number(0, HEAVY)},
        defaults=_own("GDRO"),
    ),
    Mitigation(
        suffix="PUFR",
        mixin="recbole_ile.plugin.mitigations.pufr:PredictiveUncertainty",
        stage=Stage.RANKING,
        neutral={"pufr_weight": 0.0},
        rules={
            "pufr_members": whole(1),
            "pufr_weight": number(0, HEAVY),
            "pufr_uncertainty": one_of("item", "pair"),
        },
        defaults=_own("PUFR"),
        trains_with=frozenset(("pufr_members",)),
        ensemble=True,
    ),
    Mitigation(
        suffix="LAP",
        mixin="recbole_ile.plugin.mitigations.lap:PostHocLogitAdjustment",
        stage=Stage.RANKING,
        neutral={"lap_tau": 0.0},
        rules={"lap_tau": number(0, HEAVY), "lap_scale": one_of("none", "zscore")},
        defaults=_own("LAP"),
        refuses=without_lists,
    ),
    Mitigation(
        suffix="EP",
        mixin="recbole_ile.plugin.mitigations.ep:ExposurePricing",
        stage=Stage.RANKING,
        neutral={"ep_weight": 0.0},
        rules={
            "ep_weight": either(number(0, HEAVY), one_of(AUTO)),
            "ep_steps": whole(1, 10_000),
            "ep_unit": whole(1),
            "ep_candidates": whole(1),
            "ep_users": whole(1),
            "ep_field": or_none(text()),
            "ep_cold": truth(),
        },
        defaults=_own("EP"),
        refuses=without_lists,
    ),
    Mitigation(
        suffix="PC",
        mixin="recbole_ile.plugin.mitigations.pc:PopularityCompensation",
        stage=Stage.RANKING,
        neutral={"pc_alpha": 0.0},
        rules={"pc_alpha": number(0, HEAVY), "pc_beta": number(0, 1)},
        defaults=_own("PC"),
        refuses=without_lists,
    ),
    Mitigation(
        suffix="XQ",
        mixin="recbole_ile.plugin.mitigations.xq:ExplicitDiversification",
        stage=Stage.RANKING,
        neutral={"xq_weight": 0.0},
        rules={"xq_weight": number(0, 1), "xq_candidates": whole(1), "xq_mode": one_of("binary", "smooth")},
        defaults=_own("XQ"),
        refuses=without_lists,
    ),
    Mitigation(
        suffix="FAIR",
        mixin="recbole_ile.plugin.mitigations.fair:FairPrefixes",
        stage=Stage.RANKING,
        neutral={"fair_share": 0.0},
        rules={
            "fair_protected": one_of("tail", "not_head"),
            "fair_share": either(number(0, 1), one_of("profile")),
            "fair_alpha": number(0, 1, inclusive=False, below=True),
        },
        defaults=_own("FAIR"),
        refuses=without_lists,
    ),
    Mitigation(
        suffix="CP",
        mixin="recbole_ile.plugin.mitigations.cp:CalibratedPopularity",
        stage=Stage.RANKING,
        neutral={"cp_weight": 0.0},
        rules={
            "cp_weight": either(number(0, 1), one_of(AUTO)),
            "cp_candidates": whole(1),
            "cp_normalize": one_of(AUTO, "none", "minmax"),
            "cp_divergence": one_of("jsd", "kl", "hellinger"),
            "cp_field": or_none(text()),
        },
        defaults=_own("CP"),
        refuses=without_lists,
    ),
)
"""In the order in which their suffixes stand in a model's name, and act."""


@functools.cache
def known_mitigations() -> dict[str, Mitigation]:
    """Return every mitigation by its suffix, in the order in which suffixes stand in a name: ours, then others'.

    Raises:
        InputError: if what another package declares is none.
    """
    found = {each.suffix: each for each in _OWN}
    for point in sorted(entry_points(group=ENTRY_POINTS), key=lambda point: point.name):
        declared = _declared(point)
        _check(declared, point, found)
        found[declared.suffix] = declared
    return dict(sorted(found.items(), key=lambda entry: entry[1].stage))


def find_mitigation(suffix: str) -> Mitigation:
    """Return the mitigation of a suffix.

    Raises:
        InputError: if it is not installed here.
    """
    try:
        return known_mitigations()[suffix]
    except KeyError:
        raise InputError(f"mitigation {suffix} is not installed here") from None


def mitigation_of_option() -> dict[str, Mitigation]:
    """Return the mitigation of each option."""
    return {key: each for each in known_mitigations().values() for key in each.keys}


def _declared(point: EntryPoint) -> Mitigation:
    try:
        declared = point.load()
    except Exception as error:  # whatever the import of another package leads to
        raise InputError(f"{_where(point)} cannot be imported: {type(error).__name__}: {error}") from error
    if not isinstance(declared, Mitigation):
        raise InputError(f"{_where(point)} is no Mitigation but {type(declared).__name__}")
    return declared


def _check(declared: Mitigation, point: EntryPoint, known: Mapping[str, Mitigation]) -> None:
    where = _where(point)
    if not (declared.suffix.isalnum() and declared.suffix.isascii()):
        raise InputError(f"{where}: suffix {declared.suffix!r} is not allowed; it takes letters and digits")
    if declared.suffix in known:
        raise InputError(f"{where}: there is a mitigation {declared.suffix} already")
    taken = {key: each.suffix for each in known.values() for key in each.keys}
    for key in declared.keys:
        if key in taken:
            raise InputError(f"{where}: its option {key} is one of {taken[key]}")
    for key in (*(declared.neutral or ()), *declared.rules, *declared.trains_with, *declared.ranks_with):
        if key not in declared.keys:
            raise InputError(f"{where}: {key} has no default in {declared.defaults}")


def _where(point: EntryPoint) -> str:
    package = point.dist.name if point.dist else "an installed package"
    return f"entry point {point.name} of {package} ({point.value})"
