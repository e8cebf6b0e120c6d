"""A behaviour that adapts the weight of ILE until a fairness target is met."""

from __future__ import annotations

import math
from typing import Any, Protocol, runtime_checkable

from recbole_ile.functional.fairness_target import improves_by_itself, score, step_weight
from recbole_ile.metric import Bound
from recbole_ile.plugin.training.behaviour import Behaviour, Training, Validation


@runtime_checkable
class WeighsItemLosses(Protocol):
    """A model with the loss of ILE, whose weight may change from epoch to epoch."""

    ile_lambda: float


class Controller:
    """Finds the weight that meets a target, from how far each validation was from it.

    A model that has once been made fairer than wanted does not get its accuracy back: the weight starts from its
    least.

    Attributes:
        weight: to be trained with now.
        target_weight: the weight to which the target has led, without what is added while it is missed.
    """

    def __init__(self, config: Any) -> None:
        given, reach = float(config["ile_lambda"]), float(config["ile_target_range"])
        self._rate, self._push = float(config["ile_target_rate"]), float(config["ile_target_push"])
        self._wait, self._range = int(config["ile_target_wait"]), (given / reach, given * reach)
        self.weight = self.target_weight = self._range[0]
        self._validations, self._stalled, self._best, self._violated = 0, 0, -math.inf, 0.0

    @property
    def can_be_raised(self) -> bool:
        """Whether the weight is below its highest value."""
        return self.target_weight < self._range[1]

    def has_learned(self, accuracy: float) -> bool:
        """Tell whether accuracy has once stopped rising, for as many validations as lie between two steps.

        Args:
            accuracy: of the last validation, more being better.
        """
        if self._stalled < self._wait:
            self._stalled = 0 if accuracy > self._best else self._stalled + 1
            self._best = max(self._best, accuracy)
        return self._stalled >= self._wait

    def steer(self, violated: float) -> None:
        """Adapt the weight to how far the last validation was from the target.

        Args:
            violated: what ``Bound.violation`` returns.
        """
        self._validations += 1
        if self._validations % self._wait == 0:
            if not improves_by_itself(self._violated, violated):
                self.target_weight = step_weight(self.target_weight, violated, self._rate, *self._range)
            self._violated = violated
        self.weight = step_weight(self.target_weight, violated, self._push, *self._range)

    def state_dict(self) -> dict[str, Any]:
        """Return what its next steps follow from."""
        return {name: value for name, value in vars(self).items() if name not in ("_rate", "_push", "_wait", "_range")}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to what ``state_dict`` returned."""
        for name in self.state_dict():
            if name in state:
                setattr(self, name, type(getattr(self, name))(state[name]))


class FairnessTarget(Behaviour):
    """With ``ile_target``, the best epoch is the most accurate that meets the target.

    The weight is left alone until accuracy stops rising for the first time, for a model that has learned nothing yet
    may well be fair. From then on no patience is lost while the target is missed and the weight can still be raised.

    Attributes:
        target: what is wanted.
        course: for each validation ``{"epoch": int, "value": float, "ile_lambda": float}``.
    """

    key = "fairness_target"

    def __init__(self, config: Any, model: WeighsItemLosses) -> None:
        self.target = Bound.parse(config["ile_target"])
        self.course: list[dict[str, Any]] = []
        self.controller = Controller(config)
        self._model = model
        model.ile_lambda = self.controller.weight

    def after_validation(self, training: Training, validation: Validation) -> Validation:
        """Adapt the weight, and return a score by which an epoch that meets the target is better than any other."""
        value, controller = float(validation.result[str(self.target.metric)]), self.controller
        violated = self.target.violation(value)
        accuracy = validation.score if training.valid_metric_bigger else -validation.score
        learned = controller.has_learned(accuracy)
        if learned:
            if violated > 0 and controller.can_be_raised:
                training.cur_step -= 1  # RecBole counts it as one more without improvement
            controller.steer(violated)
        weight = self._model.ile_lambda = controller.weight
        self.course.append({"epoch": training.epoch, "value": value, "ile_lambda": weight})
        training.tensorboard.add_scalar("Target/ile_lambda", weight, training.epoch)
        training.logger.info(
            f"epoch {training.epoch} {self.target.metric} {value:.4f} (target {self.target}): ile_lambda {weight:.5g}"
        )
        wanted = score(accuracy, violated, learned)
        return Validation(wanted if training.valid_metric_bigger else -wanted, validation.result)

    def after_training(self, training: Training, result: dict[str, float]) -> None:
        """Say if the target is missed."""
        if not self._meets(result):
            training.logger.warning(
                f"target {self.target} is missed: the closest model has {result[str(self.target.metric)]:.4f} on the "
                f"validation part; ile_lambda was {_ends(self.course)}"
            )

    def report(self, valid: dict[str, float], test: dict[str, float]) -> dict[str, Any]:
        """Return ``target``, what was wanted, the metric on both parts and whether it is met on the validation part.

        Also ``target_course``, as the attribute.
        """
        if not valid:
            return {}
        about = {
            "wanted": str(self.target),
            "valid": float(valid[str(self.target.metric)]),
            "test": float(test[str(self.target.metric)]) if test else None,
            "met": self._meets(valid),
        }
        return {"target": about, "target_course": self.course}

    def state_dict(self) -> dict[str, Any]:
        """Return the course so far, and what the next steps follow from."""
        return {"course": self.course, "controller": self.controller.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to what ``state_dict`` returned."""
        self.course = list(state["course"])
        self.controller.load_state_dict(state["controller"])
        self._model.ile_lambda = self.controller.weight

    def _meets(self, result: dict[str, float]) -> bool:
        return self.target.violation(float(result[str(self.target.metric)])) <= 0


def _ends(course: list[dict[str, Any]]) -> str:
    weights = [entry["ile_lambda"] for entry in course]
    return f"between {min(weights):g} and {max(weights):g}, {weights[-1]:g} in the end" if weights else "not adapted"
