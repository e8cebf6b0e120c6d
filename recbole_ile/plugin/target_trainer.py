"""A RecBole trainer that adapts the weight of ILE until a fairness target is met."""

from __future__ import annotations

from typing import Any

import recbole.utils

from recbole_ile.functional.fairness_target import Target, parse_target, score, violation

COURSE = "ile_target_course"
"""The entry of a checkpoint's ``other_parameter`` that holds the course of the weight so far."""


class TargetTrainer:
    """Mixin of any RecBole trainer: with ``ile_target``, the best epoch is the most accurate that meets the target.

    The weight is left alone until accuracy stops rising for the first time, for a model that has learned nothing yet
    may well be fair. From then on no patience is lost while the target is missed and the weight can still be raised.

    Attributes:
        target: what is wanted, ``None`` for nothing.
        target_course: for each validation ``{"epoch": int, "value": float, "ile_lambda": float}``.
    """

    cur_step: int

    def __init__(self, config: Any, model: Any) -> None:
        super().__init__(config, model)  # type: ignore[call-arg]
        text = config["ile_target"] if hasattr(model, "steer") else None
        self.target: Target | None = parse_target(text) if text else None
        self.target_course: list[dict[str, Any]] = []

    def fit(self, *arguments: Any, **keywords: Any) -> Any:
        """Train as RecBole does, and say whether the target is met.

        Returns:
            The validation score and result of the best epoch.
        """
        best, result = super().fit(*arguments, **keywords)  # type: ignore[misc]
        if self.target is None or not result:
            return best, result
        if not self._meets(result):
            self.logger.warning(  # type: ignore[attr-defined]
                f"target {self.target} is missed: the closest model has {result[self.target.metric]:.4f} on the "
                f"validation part; ile_lambda was {_ends(self.target_course)}"
            )
        return recbole.utils.calculate_valid_score(result, self.valid_metric), result  # type: ignore[attr-defined]

    def target_report(self, valid: dict[str, float], test: dict[str, float] | None) -> dict[str, Any]:
        """Return what a result says of the target, nothing without one.

        Args:
            valid: validation result of the best epoch.
            test: its test result, if there is any.

        Returns:
            ``target``: what was wanted, the metric on both parts and whether it is ``met`` on the validation part;
            ``target_course``: as the attribute.
        """
        if self.target is None or not valid:
            return {}
        about = {
            "wanted": str(self.target),
            "valid": float(valid[self.target.metric]),
            "test": float(test[self.target.metric]) if test else None,
            "met": self._meets(valid),
        }
        return {"target": about, "target_course": self.target_course}

    def _meets(self, result: dict[str, float]) -> bool:
        assert self.target is not None
        return violation(float(result[self.target.metric]), self.target) <= 0

    def _valid_epoch(self, *arguments: Any, **keywords: Any) -> Any:
        valid_score, result = super()._valid_epoch(*arguments, **keywords)  # type: ignore[misc]
        if self.target is None:
            return valid_score, result
        value, model, epoch = float(result[self.target.metric]), self.model, self._epoch  # type: ignore[attr-defined]
        violated = violation(value, self.target)
        accuracy = valid_score if self.valid_metric_bigger else -valid_score  # type: ignore[attr-defined]
        learned = model.has_learned(accuracy)
        if learned:
            if violated > 0 and model.can_be_raised:
                self.cur_step -= 1  # RecBole counts it as one more without improvement
            model.steer(violated)
        self.target_course.append({"epoch": epoch, "value": value, "ile_lambda": model.ile_lambda})
        self.tensorboard.add_scalar("Target/ile_lambda", model.ile_lambda, epoch)  # type: ignore[attr-defined]
        self.logger.info(  # type: ignore[attr-defined]
            f"epoch {epoch} {self.target.metric} {value:.4f} (target {self.target}): ile_lambda {model.ile_lambda:.5g}"
        )
        wanted = score(accuracy, violated, learned)
        return (wanted if self.valid_metric_bigger else -wanted), result  # type: ignore[attr-defined]

    def _save_checkpoint(self, epoch: int, verbose: bool = True, further: Any = None, **keywords: Any) -> None:
        if self.target is not None:
            further = {COURSE: self.target_course, **(further or {})}
        super()._save_checkpoint(epoch, verbose, further=further, **keywords)  # type: ignore[misc]

    def resume_checkpoint(self, resume_file: Any) -> None:
        """Read a checkpoint, to continue after its epoch, with the course of the weight so far."""
        super().resume_checkpoint(resume_file)  # type: ignore[misc]
        self.target_course = list(vars(self.model).pop(COURSE, []))  # type: ignore[attr-defined]


def _ends(course: list[dict[str, Any]]) -> str:
    weights = [entry["ile_lambda"] for entry in course]
    return f"between {min(weights):g} and {max(weights):g}, {weights[-1]:g} in the end" if weights else "not adapted"
