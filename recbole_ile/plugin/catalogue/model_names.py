"""Model names ``<any RecBole model>_<mitigation>[_<mitigation>]`` as values."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from recbole_ile.errors import InputError
from recbole_ile.plugin.catalogue.mitigations import Mitigation, Stage, find_mitigation, known_mitigations


@dataclass(frozen=True)
class ModelName:
    """A model of RecBole and the mitigations on it, in the order of their suffixes."""

    base: str
    mitigations: tuple[Mitigation, ...] = ()

    @staticmethod
    @functools.cache
    def parse(text: str) -> ModelName:
        """Read ``BPR_ILE_CP``; whatever is no mitigation belongs to the base.

        Raises:
            InputError: if a mitigation is named twice or out of order.
        """
        known = known_mitigations()
        parts = text.split("_")
        first = len(parts)
        while first > 1 and parts[first - 1] in known:
            first -= 1
        name = ModelName("_".join(parts[:first])).with_mitigations(parts[first:])
        if str(name) != text:
            raise InputError(f"model {text}: write it as {name}")
        return name

    def __hash__(self) -> int:
        return hash(str(self))

    def __str__(self) -> str:
        return "_".join((self.base, *self.suffixes))

    @property
    def suffixes(self) -> tuple[str, ...]:
        """The suffixes of the mitigations."""
        return tuple(each.suffix for each in self.mitigations)

    @property
    def ranking(self) -> tuple[Mitigation, ...]:
        """The mitigations that act when lists are made, and leave training as it is."""
        return tuple(each for each in self.mitigations if each.stage is Stage.RANKING)

    @property
    def trained(self) -> ModelName:
        """What is trained: ``BPR_ILE`` for ``BPR_ILE_CP``."""
        return ModelName(self.base, tuple(each for each in self.mitigations if each.stage is Stage.TRAINING))

    @property
    def ensemble(self) -> bool:
        """Whether several copies of what is trained are."""
        return any(each.ensemble for each in self.mitigations)

    @property
    def keys(self) -> frozenset[str]:
        """The options of the mitigations."""
        return frozenset().union(*(each.keys for each in self.mitigations))

    @property
    def ranking_keys(self) -> frozenset[str]:
        """The options that act when lists are made of a trained model's scores."""
        return frozenset().union(*(each.ranking_keys for each in self.mitigations))

    @property
    def trains_with(self) -> frozenset[str]:
        """The options of the mitigations in ranking that act in training all the same."""
        return frozenset().union(*(each.trains_with for each in self.mitigations))

    @property
    def learned(self) -> frozenset[str]:
        """The buffers of the model that hold what its mitigations in ranking learn."""
        return frozenset().union(*(each.learned for each in self.ranking))

    def acting(self, settings: Mapping[str, Any]) -> ModelName:
        """Return the name with those of its mitigations alone that do something under some settings."""
        return ModelName(self.base, tuple(each for each in self.mitigations if each.acts(settings)))

    def neutral(self) -> dict[str, Any]:
        """Return the settings under which its mitigations do nothing; those that always act have none."""
        return {key: value for each in self.mitigations for key, value in (each.neutral or {}).items()}

    def idle_keys(self, acting: ModelName) -> frozenset[str]:
        """Return the options of those of its mitigations that ``acting`` is without."""
        idle = [each for each in self.mitigations if each.suffix not in acting.suffixes]
        return frozenset().union(*(each.keys - each.trains_with for each in idle))

    def with_mitigations(self, suffixes: Iterable[str]) -> ModelName:
        """Return the name with further mitigations, each at its place."""
        known = known_mitigations()
        wanted = {*self.suffixes, *suffixes}
        for suffix in wanted - known.keys():
            find_mitigation(suffix)
        return ModelName(self.base, tuple(each for suffix, each in known.items() if suffix in wanted))

    def refusal(self) -> tuple[Mitigation, str] | None:
        """Return a mitigation that does not work on the base, and why not, ``None`` if all do."""
        reasons = ((each, each.refuses(self.base)) for each in self.mitigations)
        return next(((each, reason) for each, reason in reasons if reason), None)
