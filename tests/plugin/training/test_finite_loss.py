"""A loss that is no number ends a training in one line, and leaves the checkpoint before."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from recbole_ile.cli import main
from recbole_ile.plugin.checkpoints.files import read_checkpoint
from recbole_ile.plugin.mitigations.ile import ItemLossEqualization

pytestmark = pytest.mark.trains

RUN = ["--dataset=tiny", "--topk=2", "--valid_metric=NDCG@2", "--epochs=9", "--show_progress=False", "--state=ERROR"]


@pytest.mark.parametrize("loss", ["nan", "inf"])
def test_a_loss_that_is_no_number_is_one_line(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], loss: str
) -> None:
    calculate, batches = ItemLossEqualization.calculate_loss, []

    def diverging(*arguments: object) -> object:
        own, term = calculate(*arguments)  # type: ignore[arg-type]
        batches.append(None)
        return own, term * torch.tensor(float(loss) if len(batches) == 8 else 1.0)

    monkeypatch.setattr(ItemLossEqualization, "calculate_loss", diverging)
    assert (
        main(
            [
                "--model=BPR_ILE",
                f"--data_path={tiny}",
                "--train_batch_size=4",
                "--ile_lambda=0.7",
                "--fast_loader=False",
                *RUN,
            ]
        )
        == 2
    )
    lines = capsys.readouterr().err.splitlines()
    (checkpoint,) = Path("saved").glob("*.pth")
    per_epoch = read_checkpoint(checkpoint)["epoch"] + 1
    where = "batch 4 of epoch 1" if per_epoch == 1 else "of epoch"
    assert lines[-1].startswith(f"error: the training loss is {loss} in batch ")
    for part in (where, "ile_lambda=0.7", "a smaller learning_rate or ile_lambda may help", str(checkpoint)):
        assert part in lines[-1]
    assert "Traceback" not in "".join(lines)


def test_a_first_epoch_that_diverges_leaves_nothing(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--model=BPR", f"--data_path={tiny}", "--learning_rate=1e38", "--train_batch_size=4", *RUN]) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert "of epoch 0, with learning_rate=1e+38; a smaller learning_rate may help" in line
    assert line.endswith("no epoch was saved before")
