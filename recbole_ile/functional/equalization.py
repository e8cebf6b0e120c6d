"""Item Loss Equalization: mean loss per item group, and the disparity between the groups."""

from __future__ import annotations

import torch

from recbole_ile.functional.arrays import Array, to_numpy
from recbole_ile.functional.distances import DISTANCES, MASKED


def group_sums(
    losses: torch.Tensor, groups: torch.Tensor, n_groups: int, counts: torch.Tensor | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Add up the losses of each group and count them, in one pass over the batch.

    Args:
        losses: ``[B]`` float loss of each observed interaction.
        groups: ``[B]`` int64 group of each interaction's item.
        n_groups: number of groups ``G``.
        counts: ``[B]`` float observed interactions behind each loss, 1 by default.

    Returns:
        ``[G]`` sums, differentiable in ``losses``, and ``[G]`` counts, both of the dtype of ``losses``.

    >>> sums, counts = group_sums(torch.tensor([1.0, 2.0, 4.0]), torch.tensor([0, 1, 1]), n_groups=3)
    >>> sums.tolist(), counts.tolist()
    ([1.0, 6.0, 0.0], [1.0, 2.0, 0.0])
    """
    if losses.is_cuda:
        # index_add adds in no fixed order on a GPU, a sum over the membership matrix does.
        membership = (groups.unsqueeze(1) == torch.arange(n_groups, device=groups.device)).to(losses.dtype)
        weighted = membership if counts is None else membership * counts.unsqueeze(1)
        return (losses.unsqueeze(1) * membership).sum(dim=0), weighted.sum(dim=0)
    nothing = losses.new_zeros(n_groups)
    if counts is None:
        found = torch.bincount(groups, minlength=n_groups).to(losses.dtype)
    else:
        found = nothing.index_add(0, groups, counts.to(losses.dtype))
    return nothing.index_add(0, groups, losses), found


def group_means(losses: Array, groups: Array, n_groups: int) -> tuple[Array, Array]:
    """Return the mean loss of each item group, ``L_g``, and which groups are present.

    Args:
        losses: ``[B]`` float loss of each observed interaction; may be empty.
        groups: ``[B]`` int group of each interaction's item, in ``0 .. n_groups - 1``.
        n_groups: number of groups ``G``.

    Returns:
        ``[G]`` means, 0 for an absent group, differentiable in ``losses``; ``[G]`` bool, present or not.

    Source: Prent & Mansoury, arXiv 2410.04830, equation 3.

    >>> means, present = group_means(torch.tensor([1.0, 2.0, 4.0]), torch.tensor([0, 1, 1]), n_groups=3)
    >>> means.tolist(), present.tolist()
    ([1.0, 3.0, 0.0], [True, True, False])
    """
    if not isinstance(losses, torch.Tensor):
        means, present = group_means(torch.as_tensor(losses), torch.as_tensor(groups), n_groups)
        return to_numpy(means), to_numpy(present)
    sums, counts = group_sums(losses, groups, n_groups)
    return sums / counts.clamp_min(1), counts > 0


def disparity(means: torch.Tensor, present: torch.Tensor, distance: str) -> torch.Tensor:
    """Return the distance between the means of the present groups, 0 with fewer than two of them.

    On a GPU nothing is read back to the host, unless the distance was registered without a masked form.

    Args:
        means: ``[G]`` mean losses.
        present: ``[G]`` bool, whether the group occurs in the batch.
        distance: a name in ``DISTANCES``.

    Raises:
        ValueError: for an unknown distance.

    >>> disparity(torch.tensor([1.0, 3.0, 0.0]), torch.tensor([True, True, False]), "range").item()
    2.0
    """
    if distance not in DISTANCES:
        raise ValueError(f"unknown distance {distance!r}, known are {', '.join(DISTANCES)}")
    if distance in MASKED and means.device.type != "cpu":
        masked = MASKED[distance](means, present)
        return torch.where(present.sum() < 2, (means * 0.0).sum(), masked)
    n_present = int(present.sum())  # which the host knows at once; a GPU would have to finish all its work first
    if n_present < 2:
        return (means * 0.0).sum()
    return DISTANCES[distance](means if n_present == len(means) else means[present])


def ile_penalty(losses: Array, groups: Array, n_groups: int, distance: str = "std") -> Array:
    """Return the disparity D of the mean losses of the item groups in a batch.

    Args:
        losses: ``[B]`` float loss of each observed interaction; may be empty.
        groups: ``[B]`` int group of each interaction's item, in ``0 .. n_groups - 1``.
        n_groups: number of groups ``G``.
        distance: a name in ``DISTANCES``.

    Returns:
        A scalar, differentiable in ``losses``; 0 with zero gradient if fewer than two groups occur.

    Raises:
        ValueError: for an unknown distance.

    Source: Prent & Mansoury, arXiv 2410.04830, equations 4 to 7.

    >>> ile_penalty(torch.tensor([1.0, 2.0, 4.0]), torch.tensor([0, 1, 1]), n_groups=3, distance="mad").item()
    1.0
    """
    if not isinstance(losses, torch.Tensor):
        return to_numpy(ile_penalty(torch.as_tensor(losses), torch.as_tensor(groups), n_groups, distance))
    means, present = group_means(losses, groups, n_groups)
    return disparity(means, present, distance)
