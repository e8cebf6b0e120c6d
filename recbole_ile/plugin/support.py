"""Which models of RecBole a mitigation works on, and why not on the others."""

from __future__ import annotations

_CLOSED = "is solved in closed form"
_COUNTED = "counts and does not learn"
_TREES = "grows trees in a library of its own"

WITHOUT_LOSS = {
    "ADMMSLIM": _CLOSED,
    "EASE": _CLOSED,
    "NCEPLRec": _CLOSED,
    "SLIMElastic": _CLOSED,
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

PACKAGES = {
    "KGAT": "dgl",
    "KGIN": "torch_scatter",
    "MCCLK": "torch_scatter",
    "LightGBM": "lightgbm",
    "XGBoost": "xgboost",
}
"""What RecBole's models need beyond what RecBole installs."""

_SQUARES = "is trained on squared errors, not on logits"
WITHOUT_LOGITS = {
    "CFKG": "is trained on embeddings of triplets, not on scores",
    "DiffRec": _SQUARES,
    "ENMF": _SQUARES,
    "SimpleX": "is trained on cosines, not on logits",
}
"""The models whose loss takes no logits of items, with the reason."""

LOSS_IN_ONE = ("KGAT", "MKR", "RecVAE")
"""The models whose trainers add up one number a batch, and fail on a loss in parts."""

NO_LISTS = ("LightGBM", "XGBoost")
"""The models that RecBole evaluates by the values they predict, never by lists."""


def why_not(mitigation: str, model: str) -> str | None:
    """Return why a mitigation does not work on a model of RecBole, ``None`` if it does.

    The reason is the predicate of a sentence whose subject is the model.
    """
    if mitigation == "CP":
        return WITHOUT_LOSS[model] if model in NO_LISTS else None
    if mitigation == "LA" and model in WITHOUT_LOGITS:
        return WITHOUT_LOGITS[model]
    return WITHOUT_LOSS.get(model)
