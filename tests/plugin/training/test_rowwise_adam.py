"""Adam by rows is Adam: the same parameters and state, whatever reads a table, and the choice of tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from random_cases import cases

from recbole_ile.plugin.training import rowwise_adam
from recbole_ile.plugin.training.rowwise_adam import LookedUpTable, RowwiseAdam, find_tables, has_plain_adam

ROWS, WIDTH = 40, 4
SETTINGS = [
    {"lr": 0.01},
    {"lr": 0.1, "betas": (0.5, 0.9), "eps": 1e-4},
    {"lr": 0.01, "betas": (0.0, 0.99)},
    {"lr": 0.01, "fused": True},
]
Loss = Callable[["Model", torch.Tensor], torch.Tensor]


@pytest.fixture(autouse=True, scope="module")
def _small_tables() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rowwise_adam, "LEAST_PARAMETERS", 1)
        yield


class Model(torch.nn.Module):
    """A table with padding and another one, below a layer that is not looked up."""

    def __init__(self) -> None:
        super().__init__()
        self.one = torch.nn.Embedding(ROWS, WIDTH, padding_idx=0)
        self.other = torch.nn.Embedding(ROWS, 1)
        self.layer = torch.nn.Linear(WIDTH, 1)
        generator = torch.Generator().manual_seed(0)
        for parameter in self.parameters():
            parameter.data.normal_(generator=generator)


def looked_up(model: Model, rows: torch.Tensor) -> torch.Tensor:
    return (model.layer(model.one(rows)) * model.other(rows.flip(0)) + model.one(rows).sum()).square().sum()


def train(losses: list[tuple[Loss, list[int]]], by_rows: bool, **keywords: object) -> tuple[Model, torch.optim.Adam]:
    model = Model()
    optimizer = torch.optim.Adam(model.parameters(), **keywords)  # type: ignore[arg-type]
    own = RowwiseAdam(optimizer, find_tables(model, optimizer, 1)) if by_rows else None
    for loss, rows in losses:
        at_work = own or optimizer
        at_work.zero_grad()
        if own:
            with own.look_ups():
                value = loss(model, torch.tensor(rows))
        else:
            value = loss(model, torch.tensor(rows))
        value.backward()
        at_work.step()
    if own:
        own.close()
    return model, optimizer


def assert_same(losses: list[tuple[Loss, list[int]]], **keywords: object) -> None:
    (one, own), (other, theirs) = (train(losses, by_rows, **keywords) for by_rows in (True, False))
    for name, value in one.state_dict().items():
        torch.testing.assert_close(value, other.state_dict()[name], rtol=1e-5, atol=1e-6, msg=name)
    found, expected = own.state_dict(), theirs.state_dict()
    assert found["param_groups"] == expected["param_groups"]
    assert found["state"].keys() == expected["state"].keys()
    for number, state in found["state"].items():
        assert state.keys() == expected["state"][number].keys()
        for key, value in state.items():
            torch.testing.assert_close(value, expected["state"][number][key], rtol=1e-4, atol=1e-7)
    assert not any(module.sparse for module in (one.one, one.other))


@cases(25)
@given(
    st.sampled_from(SETTINGS),
    st.lists(st.lists(st.integers(0, ROWS - 1), min_size=1, max_size=5), min_size=1, max_size=60),
)
def test_steps_by_rows_are_those_of_adam(options: dict[str, object], batches: list[list[int]]) -> None:
    assert_same([(looked_up, rows) for rows in batches], **options)


def test_rows_wait_for_long() -> None:
    assert_same([(looked_up, [1, 2, 3]), *[(looked_up, [4, 5])] * 300, (looked_up, [1, 5])], lr=0.01)


def through_a_view(model: Model, rows: torch.Tensor) -> torch.Tensor:
    return looked_up(model, rows) + model.one.weight.t().square().sum()


def regularised(model: Model, rows: torch.Tensor) -> torch.Tensor:
    return looked_up(model, rows) + sum(parameter.norm(2) for parameter in model.parameters())


def read_without_gradient(model: Model, rows: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        scale = model.one.weight.data.sum() + torch.stack(list(model.other.weight)).sum()
    return looked_up(model, rows) * scale


def changed(model: Model, rows: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        model.one.weight.div_(model.one.weight.norm(dim=1, keepdim=True).clamp(min=1.0))
    return looked_up(model, rows)


def replaced(model: Model, rows: torch.Tensor) -> torch.Tensor:
    model.one.weight.data = torch.linspace(-1, 1, ROWS * WIDTH).reshape(ROWS, WIDTH)
    return looked_up(model, rows)


def functional(model: Model, rows: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.embedding(rows, model.one.weight).square().sum() + model.other(rows).sum()


def in_bags(model: Model, rows: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.embedding_bag(rows[None], model.one.weight).square().sum()


def of_one_table(model: Model, rows: torch.Tensor) -> torch.Tensor:
    return model.layer(model.one(rows)).square().sum()


def many(model: Model, rows: torch.Tensor) -> torch.Tensor:
    return looked_up(model, rows.repeat(20))


@pytest.mark.parametrize("when", [0, 3])
@pytest.mark.parametrize(
    "loss",
    [through_a_view, regularised, read_without_gradient, changed, replaced, functional, in_bags, of_one_table, many],
)
def test_whatever_reads_a_table_finds_it_up_to_date(loss: Loss, when: int) -> None:
    losses: list[tuple[Loss, list[int]]] = [(looked_up, [row, row + 7, 3]) for row in range(8)]
    losses[when] = (loss, [2, 9])
    assert_same(losses, lr=0.01)


def test_a_table_that_is_read_as_a_whole_is_let_go_at_once() -> None:
    model = Model()
    optimizer = torch.optim.Adam(model.parameters())
    tables = find_tables(model, optimizer, 1)
    own = RowwiseAdam(optimizer, tables)
    with own.look_ups():
        looked_up(model, torch.tensor([1]))
        assert [table.held for table in tables] == [True, True]
        model.one.weight.sum()
    assert [table.held for table in tables] == [False, True]
    own.close()
    assert type(own.look_ups()) is not type(own)


def test_a_rate_that_changes_holds_from_then_on() -> None:
    models = []
    for by_rows in (True, False):
        model = Model()
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        own = RowwiseAdam(optimizer, find_tables(model, optimizer, 1) if by_rows else [])
        for step in range(30):
            own.param_groups[0]["lr"] = 0.01 if step < 10 else 0.1
            own.zero_grad()
            with own.look_ups():
                loss = looked_up(model, torch.tensor([1 + step % 7, 3]))
            loss.backward()
            own.step()
        own.close()
        models.append(model)
    torch.testing.assert_close(*(model.one.weight for model in models), rtol=1e-4, atol=1e-6)


def test_state_goes_to_torchs_adam_and_back() -> None:
    batches: list[tuple[Loss, list[int]]] = [(looked_up, [row, row + 3]) for row in range(1, 12)]
    model, optimizer = train(batches, by_rows=True, lr=0.01)
    content = optimizer.state_dict()
    again = torch.optim.Adam(model.parameters(), lr=0.01)
    again.load_state_dict(content)
    assert find_tables(model, again, 1)
    assert has_plain_adam(again)


def build(**keywords: object) -> Model:
    model = Model()
    model.one = torch.nn.Embedding(ROWS, WIDTH, **keywords)  # type: ignore[arg-type]
    return model


class OwnEmbedding(torch.nn.Embedding):
    def forward(self, indices: torch.Tensor) -> torch.Tensor:
        return super().forward(indices) + self.weight.mean()


def test_only_plain_tables_are_found() -> None:
    def found(model: Model) -> int:
        tables: list[LookedUpTable] = find_tables(model, torch.optim.Adam(model.parameters()), 1)
        return len(tables)

    assert found(build()) == 2
    for keywords in ({"max_norm": 1.0}, {"scale_grad_by_freq": True}, {"sparse": True}, {"dtype": torch.float64}):
        assert found(build(**keywords)) == 1
    own = build()
    own.one = OwnEmbedding(ROWS, WIDTH)
    assert found(own) == 1
    frozen = build()
    frozen.one.weight.requires_grad_(False)
    assert found(frozen) == 1
    hooked = build()
    hooked.one.weight.register_hook(lambda gradient: gradient)
    assert found(hooked) == 1
    tied = build()
    tied.two = torch.nn.Embedding(ROWS, WIDTH)
    tied.two.weight = tied.one.weight
    assert found(tied) == 2
    part = build()
    part.one.weight = torch.nn.Parameter(torch.zeros(2 * ROWS, WIDTH)[:ROWS])
    assert found(part) == 1
    small = build()
    assert len(find_tables(small, torch.optim.Adam(small.parameters()), ROWS)) == 0


def test_only_plain_adam_is_taken_over() -> None:
    weights = [torch.nn.Parameter(torch.ones(2, 2))]
    assert has_plain_adam(torch.optim.Adam(weights, fused=True))
    for kind, keywords in [
        (torch.optim.Adam, {"weight_decay": 0.1}),
        (torch.optim.Adam, {"amsgrad": True}),
        (torch.optim.Adam, {"maximize": True}),
        (torch.optim.AdamW, {}),
        (torch.optim.SGD, {"lr": 0.1}),
        (torch.optim.SparseAdam, {}),
    ]:
        assert not has_plain_adam(kind(weights, **keywords))
    assert not has_plain_adam(torch.optim.Adam([{"params": weights}, {"params": [torch.nn.Parameter(torch.ones(1))]}]))
