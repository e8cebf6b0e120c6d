"""A training step on a GPU that is not there: what each model's forward pass asks of it, in fake tensors.

Run as a script with names of models, it prints a JSON object of what became of each.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import recbole.utils
import torch
from model_data import MAIN_PART, NAME, options_of
from recbole.data.interaction import Interaction
from recbole.utils import KGDataLoaderState
from torch._subclasses import FakeTensorMode
from torch.overrides import TorchFunctionMode

from recbole_ile.plugin.catalogue.model_names import ModelName
from recbole_ile.plugin.catalogue.models import get_model
from recbole_ile.plugin.checkpoints.pretrained_models import safe_loading
from recbole_ile.plugin.config.config import IleConfig
from recbole_ile.plugin.output.logs import quiet_recbole
from recbole_ile.plugin.runs.preparation import build_model, prepare_data
from recbole_ile.plugin.training.seeding import seed_everything

DEVICE = torch.device("cuda:0")
PASSED = "passed"
MENDED = ("KSR",)
"""The models that RecBole's own class of cannot take a step."""
NOT_MOVED = set(vars(torch.nn.Module()))


class WithoutDriver(TorchFunctionMode):
    """While active, what Python's side of torch would ask the driver about is asked of the operators alone."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.Tensor.new_tensor:
            return torch.as_tensor(args[1], dtype=args[0].dtype).to(args[0].device)
        if func is torch.Tensor.copy_:
            return torch.ops.aten.copy_.default(*args)
        if func in (torch.Tensor.__getitem__, torch.Tensor.__setitem__):
            index = args[1] if isinstance(args[1], tuple) else (args[1],)
            if any(isinstance(each, torch.Tensor) for each in index) and all(map(_is_plain_index, index)):
                operator = torch.ops.aten.index.Tensor if len(args) == 2 else torch.ops.aten.index_put_.default
                wanted = [each if isinstance(each, torch.Tensor) else None for each in index]
                return operator(args[0], wanted, *map(torch.as_tensor, args[2:]))
        return func(*args, **(kwargs or {}))


def _is_plain_index(index: Any) -> bool:
    return isinstance(index, torch.Tensor) or index == slice(None)


def moved(value: Any) -> Any:
    """A value with fake tensors on the device instead of its tensors; to be called in the mode of fake tensors."""
    if isinstance(value, torch.nn.Parameter):
        return torch.nn.Parameter(moved(value.data), requires_grad=value.requires_grad)
    if isinstance(value, torch.Tensor):
        return torch.empty(value.shape, dtype=value.dtype, device=DEVICE) if value.layout is torch.strided else value
    if isinstance(value, Interaction):
        return Interaction(moved(value.interaction))
    if type(value) in (list, tuple):
        return type(value)(map(moved, value))
    if type(value) is dict:
        return {key: moved(entry) for key, entry in value.items()}
    return DEVICE if isinstance(value, torch.device) else value


def move(model: torch.nn.Module, plain: torch.nn.Module) -> None:
    """Move a model as a GPU's would be: its parameters and buffers, and what RecBole's model makes on its device."""
    of_recbole = {name: set(vars(module)) for name, module in plain.named_modules()}
    for name, module in model.named_modules():
        for table in (module._parameters, module._buffers):
            table.update({key: moved(value) for key, value in table.items()})
        for key in (of_recbole.get(name, set()) & set(vars(module))) - NOT_MOVED:
            vars(module)[key] = moved(vars(module)[key])


def step(model: Any, batch: Any, base: str) -> tuple[torch.Tensor, ...]:
    """The parts of a batch's loss."""
    calculate = model.calculate_rs_loss if base == "MKR" else model.calculate_loss
    loss = calculate(batch, *([True] if base == "RecVAE" else []))
    return loss if isinstance(loss, tuple) else (loss,)


def in_fake_tensors(model: Any, plain: Any, batch: Any, base: str) -> None:
    """Take two forward passes on a GPU that is not there."""
    with FakeTensorMode(allow_non_fake_inputs=True), torch.no_grad(), WithoutDriver():
        move(model, plain)
        batch = moved(batch)
        for _ in range(2):
            losses = step(model, batch, base)
        assert all(part.device == DEVICE for part in losses), "a loss is on another device"


def for_real(model: Any, batch: Any, base: str) -> None:
    """Take two steps on a GPU, of which the second must not wait for it."""
    batch = batch.to(DEVICE)
    for mode in ("default", "error"):
        torch.cuda.set_sync_debug_mode(mode)
        try:
            sum(part.sum() for part in step(model, batch, base)).backward()
        finally:
            torch.cuda.set_sync_debug_mode("default")


def outcome(name: str, data: Path) -> str:
    """What becomes of the losses of a model's first batch: that it passed, or the error.

    A name that begins with ``recbole.`` is stock RecBole's.
    """
    stock, name = name.startswith("recbole."), name.removeprefix("recbole.")
    base, gpu = ModelName.parse(name).base, torch.cuda.is_available()
    options = {**options_of(base), **MAIN_PART.get(base, {}), "data_path": str(data), "fast_loader": False}
    if base == "S3Rec":
        options |= {"train_stage": "pretrain"}
    config, plain_config = (IleConfig(each, NAME, config_dict={**options, "use_gpu": gpu}) for each in (name, base))
    seed_everything(config)
    parts = prepare_data(config)
    train = parts.train
    if hasattr(train, "set_mode"):
        train.set_mode(KGDataLoaderState.RS if base == "MKR" else KGDataLoaderState.RSKG)
    batch = next(iter(train))
    with safe_loading():
        plain = get_model(base)(plain_config, train._dataset).to(plain_config["device"])
        if stock and base not in MENDED:
            plain = recbole.utils.get_model(base)(plain_config, train._dataset).to(plain_config["device"])
    model = plain if stock else build_model(config, parts)
    try:
        for_real(model, batch, base) if gpu else in_fake_tensors(model, plain, batch, base)
    except Exception as error:
        return f"{type(error).__name__}: {' '.join(str(error).split())[:160]}"
    return PASSED


if __name__ == "__main__":
    with quiet_recbole():
        found = {}
        for each in sys.argv[2:]:
            found[each] = outcome(each, Path(sys.argv[1]))
            print(each, found[each], file=sys.stderr, flush=True)
    print(json.dumps(found))
