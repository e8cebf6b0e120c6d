"""A package that brings a mitigation in training and one in ranking, as somebody else would write it."""

from __future__ import annotations

from pathlib import Path

SOURCE = '''
from pathlib import Path

import torch

from recbole_ile.plugin.catalogue.mitigations import Mitigation, Stage
from recbole_ile.plugin.catalogue.rule import number
from recbole_ile.plugin.catalogue.support import without_lists
from recbole_ile.plugin.mitigations.in_ranking import Reranker
from recbole_ile.plugin.mitigations.in_training import NeedsInteractionLosses, first_part

HERE = Path(__file__).parent


class Louder(NeedsInteractionLosses):
    """Multiplies the model's own loss."""

    def __init__(self, config, dataset):
        super().__init__(config, dataset)
        self.factor = float(config["loud_factor"])

    def calculate_loss(self, interaction, *arguments, **keywords):
        own, further = first_part(super().calculate_loss(interaction, *arguments, **keywords))
        return (self.factor * own, *further) if further else self.factor * own


class LastFirst(Reranker):
    """Puts the items with the largest ids first."""

    def __init__(self, config, dataset):
        super().__init__(config, dataset)
        self.set_ranking(config)

    def set_ranking(self, config):
        super().set_ranking(config)
        self.weight = float(config["last_weight"])

    def rerank(self, scores, interaction, rows, k):
        scores = super().rerank(scores, interaction, rows, k)
        return scores + self.weight * torch.arange(scores.shape[1], device=scores.device)


LOUD = Mitigation(
    suffix="LOUD",
    mixin="toy:Louder",
    stage=Stage.TRAINING,
    neutral={"loud_factor": 1.0},
    rules={"loud_factor": number(0, 100)},
    defaults=HERE / "LOUD.yaml",
)
LAST = Mitigation(
    suffix="LAST",
    mixin="toy:LastFirst",
    stage=Stage.RANKING,
    neutral={"last_weight": 0.0},
    rules={"last_weight": number(0, 1e6)},
    defaults=HERE / "LAST.yaml",
    refuses=without_lists,
)
'''
FILES = {
    "toy/__init__.py": SOURCE,
    "toy/LOUD.yaml": "loud_factor: 2e0\nsearch:\n  - loud_factor: {grid: [0.5, 4.0]}\n",
    "toy/LAST.yaml": "last_weight: 1000.0\nsearch:\n  - last_weight: {grid: [0.0, 1000.0]}\n",
    "toy-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: toy\nVersion: 1.0\n",
    "toy-1.0.dist-info/entry_points.txt": "[recbole_ile.mitigations]\nloud = toy:LOUD\nlast = toy:LAST\n",
}


def install(folder: Path, **changed: str) -> Path:
    """Write the package into a folder for ``PYTHONPATH``; ``entry_points`` replaces that file's lines."""
    files = {**FILES}
    if "entry_points" in changed:
        files["toy-1.0.dist-info/entry_points.txt"] = f"[recbole_ile.mitigations]\n{changed['entry_points']}\n"
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder
