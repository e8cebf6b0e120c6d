"""A behaviour that has a trained model learn its ranking, and chooses the weights that are to be chosen."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from recbole_ile.metric import Metric
from recbole_ile.plugin.catalogue.mitigations import AUTO
from recbole_ile.plugin.evaluation.training_users import LearnsRanking, TrainingUsers
from recbole_ile.plugin.training.behaviour import Behaviour

Validate = Callable[[], Mapping[str, float]]


class LearnedRanking(Behaviour):
    """Keeps what the ranking of a model was learned from, so that it is learned again only under other settings.

    Args:
        model: that ranks itself.

    Attributes:
        chosen: the weights that were chosen, by option.
        curve: for each weight that was tried ``{"option", "weight", "value"}``, the value being that of
            ``rank_metric`` on the validation part.
    """

    key = "ranking"

    def __init__(self, model: LearnsRanking) -> None:
        self._model = model
        self._learned_from: dict[str, Any] = {}
        self.chosen: dict[str, float] = {}
        self.curve: list[dict[str, Any]] = []

    def is_current(self, config: Any) -> bool:
        """Tell whether the ranking was learned under these settings, and take the weights that were chosen."""
        if not self._learned_from or self._learned_from["wanted"] != self._wanted(config):
            return False
        for option, value in self.chosen.items():
            self._model.set_weight(option, value)
        return True

    def check_rows(self, digest: str) -> None:
        """Say so if the ranking was learned from other training interactions."""
        if self._learned_from["rows"] != digest:
            logging.getLogger().warning(
                "the ranking of this model was learned from other training interactions than those of now; "
                "--reprice learns it anew"
            )

    def settle(self, config: Any, users: TrainingUsers, validate: Validate | None) -> None:
        """Choose the weights that are ``auto``, and learn the ranking.

        Args:
            config: its options of the ranking.
            users: of the training part.
            validate: evaluates the model as it is on the validation part; nothing if there is none.
        """
        wanted = self._wanted(config)
        self.chosen, self.curve = {}, []
        self._choose(config, users, validate)
        self._model.learn_ranking(users)
        self._learned_from = {"wanted": wanted, "rows": users.digest}

    def report(self, valid: dict[str, float], test: dict[str, float]) -> dict[str, Any]:
        """Return ``ranking``: the weights that were chosen, and what was tried."""
        return {"ranking": {"chosen": self.chosen, "curve": self.curve}} if self.chosen else {}

    def state_dict(self) -> dict[str, Any]:
        """Return what was learned from, and the weights that were chosen."""
        if not self._learned_from:
            return {}
        return {**self._learned_from, "chosen": self.chosen, "curve": self.curve}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take both."""
        self._learned_from = {"wanted": str(state["wanted"]), "rows": str(state["rows"])}
        self.chosen = {str(name): float(value) for name, value in state["chosen"].items()}
        self.curve = list(state["curve"])

    def _wanted(self, config: Any) -> str:
        self._model.set_ranking(config)
        return repr((self._model.ranking_settings(), config["rank_metric"], config["rank_tolerance"]))

    def _choose(self, config: Any, users: TrainingUsers, validate: Validate | None) -> None:
        """Set each weight that is ``auto`` to the largest whose accuracy stays within its share of the tolerance."""
        open_weights = automatic_weights(type(self._model), config)
        if not open_weights:
            return
        if validate is None:
            for option in open_weights:
                self._model.set_weight(option, 0.0)
            logging.getLogger().warning(
                f"{' and '.join(open_weights)}=auto: there is no validation part to choose on, so that it is 0"
            )
            return
        metric = Metric.parse(config["rank_metric"])
        base = metric.gain(float(validate()[str(metric)]))
        share = float(config["rank_tolerance"]) / len(open_weights)
        for number, (option, weights) in enumerate(open_weights.items(), 1):
            best = 0.0
            for weight in weights:
                self._model.set_weight(option, weight)
                self._model.learn_ranking(users)
                result = {name: float(value) for name, value in validate().items()}
                value = result[str(metric)]
                self.curve.append({"option": option, "weight": weight, "value": value, "metrics": result})
                if metric.gain(value) >= base - number * share * abs(base):
                    best = weight
            self._model.set_weight(option, best)
            self._model.learn_ranking(users)
            self.chosen[option] = best
            logging.getLogger().info(
                f"{option}=auto: {best:.4g} is the most that costs at most {number * share:.2%} of {metric} on the "
                f"validation part, {abs(base):.4f} without"
            )


def automatic_weights(model: type[Any], config: Any) -> dict[str, tuple[float, ...]]:
    """Return the weights of a model's mitigations that are ``auto``, with what each is chosen from.

    They are in the order in which the mitigations act.
    """
    known = {key: values for each in reversed(model.__mro__) for key, values in vars(each).get("automatic", {}).items()}
    return {key: values for key, values in known.items() if config[key] == AUTO}


def learns_ranking(model: Any, config: Any) -> bool:
    """Tell whether a model learns anything of its ranking under these options, or has a weight to be chosen."""
    return isinstance(model, LearnsRanking) and bool(config.name.learned or automatic_weights(type(model), config))
