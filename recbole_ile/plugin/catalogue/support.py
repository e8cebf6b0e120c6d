"""Which models of RecBole a mitigation works on, and why not on the others."""

from __future__ import annotations

import importlib.util

_CLOSED = "is solved in closed form"
_ALTERNATING = "is solved by alternating least squares"
_COUNTED = "counts and does not learn"
_TREES = "grows trees in a library of its own"

WITHOUT_LOSS = {
    "ADMMSLIM": _CLOSED,
    "EASE": _CLOSED,
    "IALS": _ALTERNATING,
    "NCEPLRec": _CLOSED,
    "SLIMElastic": _CLOSED,
    "AsymKNN": _COUNTED,  # of RecBole 1.2.1
    "ItemKNN": _COUNTED,
    "Pop": _COUNTED,
    "Random": "draws at random",
    "LightGBM": _TREES,
    "XGBoost": _TREES,
}
"""The models without a loss of interactions, each with the reason as the predicate of a sentence."""

IN_A_STAGE = {
    "LDiffRec": "on its autoencoder's loss",
    "RaCT": "in the actor's pre-training",
    "S3Rec": "in fine-tuning",
}
"""Where the losses of interactions are but a part or a stage of a model's training."""

_SCATTER = ("torch_scatter",)
_BOTH = ("lightgbm", "xgboost")  # RecBole imports the two models together
PACKAGES: dict[str, tuple[str, ...]] = {
    "KGAT": ("dgl",),
    "KGIN": _SCATTER,
    "MCCLK": _SCATTER,
    "LightGBM": _BOTH,
    "XGBoost": _BOTH,
}
"""What RecBole's models need beyond what RecBole installs; k-means of NCL and LDiffRec is there (see ``compat``)."""

_ENTITIES = "vectors of entities, given with additional_feat_suffix and preload_weight"
NEEDS = {
    "GRU4RecKG": _ENTITIES,
    "KSR": _ENTITIES.replace("entities", "entities and relations"),
}
"""What models need of the data or the options that others of their kind do without."""

_SQUARES = "is trained on squared errors, not on logits"
WITHOUT_LOGITS = {
    "CFKG": "is trained on embeddings of triplets, not on scores",
    "DiffRec": _SQUARES,
    "ENMF": _SQUARES,
    "SimpleX": "is trained on cosines, not on logits",
}
"""The models whose loss takes no logits of items, with the reason."""

WITH_PAIRS = frozenset(
    (
        *("BPR", "ConvNCF", "DGCF", "LightGCN", "NCL", "NGCF", "SGL", "SpectralCF"),
        *("FPMC", "TransRec"),
        *("CKE", "KGAT", "KGIN", "KTUP", "MCCLK"),
    )
)
"""The models whose loss is one of the difference between the scores of an observed and a sampled item."""

LOSS_IN_ONE = ("KGAT", "MKR", "RecVAE")
"""The models whose trainers add up one number a batch, and fail on a loss in parts."""

NO_LISTS = ("LightGBM", "XGBoost")
"""The models that RecBole evaluates by the values they predict, never by lists."""


def without_loss(model: str) -> str | None:
    """Return why a model of RecBole has no loss of interactions, ``None`` if it has.

    The reason is the predicate of a sentence whose subject is the model.
    """
    return WITHOUT_LOSS.get(model)


def without_logits(model: str) -> str | None:
    """Return why a model of RecBole has no loss that takes logits of items, ``None`` if it has."""
    return WITHOUT_LOGITS.get(model) or without_loss(model)


def without_pairs(model: str) -> str | None:
    """Return why a model of RecBole has no loss of pairs of items, ``None`` if it has."""
    return without_loss(model) or (None if model in WITH_PAIRS else "is not trained on pairs of items")


def without_lists(model: str) -> str | None:
    """Return why a model of RecBole ranks no items, ``None`` if it does."""
    return WITHOUT_LOSS[model] if model in NO_LISTS else None


def missing_packages(model: str) -> list[str]:
    """Return the packages that a model of RecBole needs and that are not installed."""
    return [package for package in PACKAGES.get(model, ()) if importlib.util.find_spec(package) is None]


def notes_on(model: str) -> list[str]:
    """Return what there is to know of a model in addition to the mitigations that work on it, each a predicate."""
    missing = missing_packages(model)
    notes = [
        f"needs {package}{', which is not installed' * (package in missing)}" for package in PACKAGES.get(model, ())
    ]
    if model in NEEDS:
        notes.append(f"needs {NEEDS[model]}")
    if model in IN_A_STAGE:
        notes.append(f"works {IN_A_STAGE[model]}")
    return notes
