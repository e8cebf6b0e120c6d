"""What is malformed ends as one line: no traceback, no hang, and no success on nonsense.

Four kinds of input: atomic files, configuration files, command lines and checkpoints. Each is a valid one with a few
things done to it. ``FUZZ_EXAMPLES=2500 pytest -m slow tests/test_fuzz.py`` tries 10,000.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import signal
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from atomic import tiny_lines, write_atomic
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pandas._libs.parsers import STR_NA_VALUES

from recbole_ile import run_recbole_ile
from recbole_ile.cli import main
from recbole_ile.errors import InputError
from recbole_ile.plugin.checkpoints.files import read_checkpoint
from recbole_ile.plugin.config.config import IleConfig
from recbole_ile.plugin.config.known_keys import known_keys
from recbole_ile.plugin.output.logs import quiet_recbole
from recbole_ile.plugin.runs.preparation import prepare_data

pytestmark = pytest.mark.slow
fuzzed = settings(
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "60")),
    suppress_health_check=list(HealthCheck),
    deadline=None,
    print_blob=True,
)
SECONDS = 30
OPTIONS = {"topk": 2, "valid_metric": "NDCG@2", "state": "ERROR", "dataset_cache": False, "epochs": 1}
KINDS = {"user_id": "token", "item_id": "token", "rating": "float", "timestamp": "float"}
ROWS = [row.split() for row in tiny_lines()[1:]]
TABLE = [
    [f"{name}:{kind}" for name, kind in KINDS.items()],
    *([user, item, str(1 + place % 5), str(1000 + place)] for place, (user, item) in enumerate(ROWS)),
]
ODD = st.one_of(
    st.sampled_from(
        ["", " ", "nan", "inf", "-1", "0", "1e400", "1_0", "0x1", "None", '"', "'", "a,b", "user_id:token"]
    ),
    st.sampled_from(["\ufeff", "\u2028", "\x00", "\r", "\x85", "é" * 300, "<script>", "../..", "a:b", "²"]),
    st.text(max_size=4),
)


class HangError(BaseException):
    """An input took too long; no ``except Exception`` hides it."""


@contextlib.contextmanager
def in_time() -> Iterator[None]:
    """Stop what hangs."""

    def stop(*_: object) -> None:
        raise HangError

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def one_line(error: InputError) -> None:
    """Check the message that a user would see; ``cli.main`` joins its lines."""
    assert str(error).strip()
    assert "Traceback" not in str(error)


Change = tuple[str, int, int, str]
CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["cell", "cell", "cell", "insert", "drop", "repeat", "head", "cut", "byte", "ending", "extra"]),
        st.integers(0, len(TABLE)),
        st.integers(0, 5),
        ODD,
    ),
    min_size=1,
    max_size=3,
)


def changed(changes: list[Change]) -> bytes:
    """The bytes of the atomic file with some things done to it."""
    table = [list(row) for row in TABLE]
    ending, tail = "\n", b""
    for kind, line, column, text in changes:
        row = table[line % len(table)] if table else []
        if kind == "cell" and row:
            row[column % len(row)] = text
        elif kind == "head" and table and table[0]:
            table[0][column % len(table[0])] = text or "x"
        elif kind == "insert":
            table.insert(line, [text])
        elif kind == "drop" and row:
            del row[column % len(row)]
        elif kind == "repeat":
            table.insert(line, list(row))
        elif kind == "cut":
            del table[line:]
        elif kind == "extra":
            row.append(text)
        elif kind == "ending":
            ending = ["\n", "\r\n", "\n\n"][column % 3]
        else:
            tail = bytes([0x80 + line, 255 - column])
    return ending.join("\t".join(row) for row in table).encode("utf-8", "surrogatepass") + b"\n" + tail


def understood(content: bytes) -> int | None:
    """Interactions of a file that may be taken for one of those meant, ``None`` for nonsense.

    What a line has more than the header is not read, what it has less is empty. RecBole leaves out interactions
    without a user or an item, and we say how many.
    """
    try:
        lines = content.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n").split("\n")
        records = [
            record
            for record in csv.reader(lines, delimiter="\t", strict=True)
            if len(record) > 1 or "".join(record).strip()
        ]
        header = [cell.split(":") for cell in records[0]]
        names = [name for name, _ in header]
        rows = [dict(zip(names, [*record, *[""] * len(names)], strict=False)) for record in records[1:]]
        numbers = [name for name, kind in header if kind == "float" and name in KINDS]
        assert all(row[name] in STR_NA_VALUES or float(row[name]) is not None for row in rows for name in numbers)
        return sum(bool(row["user_id"] and row["item_id"]) for row in rows)
    except (ValueError, AssertionError, KeyError, IndexError, csv.Error):
        return None


@fuzzed
@given(CHANGES)
def test_atomic_files(changes: list[Change]) -> None:
    content = changed(changes)
    with tempfile.TemporaryDirectory() as folder, quiet_recbole(), in_time():
        path = Path(folder) / "data" / "data.inter"
        path.parent.mkdir()
        path.write_bytes(content)
        columns = {"load_col": {"inter": list(KINDS)}}
        config = IleConfig("BPR_ILE", "data", config_dict={**OPTIONS, **columns, "data_path": folder})
        try:
            data = prepare_data(config)
        except InputError as error:
            one_line(error)
            return
    expected = understood(content)
    assert expected is not None, f"nonsense was read: {content!r}"
    assert data.dataset.inter_num == expected


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(),
    st.text(max_size=6),
    st.sampled_from(
        ["__import__('os').system('touch ran')", "!!python/object/apply:os.system [touch ran]", "*a", "BPR"]
    ),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=4,
)
FAVOURITES = [
    "ile_lambda",
    "ile_distance",
    "la_tau",
    "item_group_split",
    "item_group_by",
    "item_group_field",
    "user_group_num",
    "user_group_field",
    "metrics",
    "topk",
    "valid_metric",
    "eval_args",
    "epochs",
    "learning_rate",
    "embedding_size",
    "train_batch_size",
    "train_neg_sample_args",
    "seed",
    "load_col",
    "data_path",
    "eval_args.split",
    "eval_args.order",
    "ee_discount",
    "eval_memory",
    "stopping_step",
]
KEYS = st.one_of(
    st.sampled_from(FAVOURITES),
    st.sampled_from(sorted(known_keys())),
    st.text(min_size=1, max_size=8),
)


@fuzzed
@given(st.dictionaries(KEYS, VALUES, min_size=1, max_size=3), st.integers(0, 3), st.binary(max_size=6))
def test_configuration_files(entries: dict[str, Any], way: int, noise: bytes) -> None:
    content = yaml.safe_dump(entries, allow_unicode=True).encode("utf-8", "surrogatepass")
    if way == 1:
        content = content[: len(content) // 2] + noise + content[len(content) // 2 :]
    elif way == 2:
        content += b"\n!!python/object/apply:os.system ['touch ran']\n"
    path = Path("fuzzed.yaml")
    path.write_bytes(content)
    with quiet_recbole(), in_time():
        try:
            config = IleConfig("BPR_ILE", "tiny", [str(path)], OPTIONS)
        except InputError as error:
            one_line(error)
            return
        finally:
            assert not Path("ran").exists()
    read = yaml.safe_load(content)
    heads = {key: key.split(".")[0] for key in read}  # a key with dots is one entry of a dictionary
    assert all(head in known_keys() or key in config or head in config for key, head in heads.items())
    assert 0 <= config["ile_lambda"] < float("inf")
    assert isinstance(config["seed"], int)


WORDS = st.one_of(
    st.builds(lambda key, value: f"--{key}={value}", KEYS, ODD | st.integers().map(str) | st.floats().map(str)),
    st.builds(lambda key: f"--{key}", KEYS),
    st.sampled_from(["run", "sweep", "compare", "--", "-", "--=", "--model", "--model=", "--model=BPR_ILE_ILE"]),
    st.sampled_from(["--model=BPR_ILE", "--model=EASE_ILE", "--model=BPR,BPR_ILE", "--dataset=tiny", "--dataset=../x"]),
    st.sampled_from(["--config_files=none.yaml", "--resume=none.pth", "--checkpoint=none.pth", "--preset=paper"]),
    ODD,
)


def is_sense(words: list[str]) -> bool:
    """Whether every word is an option that there is, or the value of the one before it."""
    own = {"config_files", "preset", "debug", "resume", "checkpoint", "trust_checkpoint"}
    waiting = False
    for word in words:
        if waiting and not word.startswith("--"):
            waiting = False
            continue
        key, equals, _ = word.removeprefix("--").partition("=")
        if waiting or not word.startswith("--") or key.split(".")[0] not in known_keys() | own:
            return False
        waiting = not equals
    return not waiting


@fuzzed
@given(st.lists(WORDS, min_size=1, max_size=3))
def test_command_lines(words: list[str]) -> None:
    write_atomic(Path("fuzz"), "tiny", tiny_lines())
    given_words = {word.partition("=")[0] for word in words}
    usual = ["--model=BPR_ILE", "--dataset=tiny", "--data_path=fuzz", "--epochs=0", "--topk=2", "--valid_metric=NDCG@2"]
    usual += ["--state=ERROR", "--show_progress=False"]
    line = ["run", *(word for word in usual if word.partition("=")[0] not in given_words), *words]
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), in_time():
        try:
            code = main(line)
        except SystemExit as leaving:  # --help
            code = int(leaving.code or 0)
    assert "Traceback" not in err.getvalue()
    assert code in (0, 2), err.getvalue()
    if code == 2:
        assert err.getvalue().strip().splitlines()[-1].startswith("error: ")
    else:
        assert is_sense(words), f"nonsense was accepted: {words}"
    assert not Path("ran").exists()


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a checkpoint."""
    folder = tmp_path_factory.mktemp("trained")
    write_atomic(folder / "data", "tiny", tiny_lines())
    options = {**OPTIONS, "data_path": str(folder / "data"), "embedding_size": 4, "checkpoint_dir": str(folder)}
    return Path(run_recbole_ile("BPR_ILE", "tiny", config_dict=options)["checkpoint"]).read_bytes()


def canonical(checkpoint: Any) -> str:
    """A text that two checkpoints share if they are the same."""
    tensors = {name: value.tolist() for name, value in checkpoint["state_dict"].items()}
    return json.dumps([tensors, checkpoint["epoch"], repr(checkpoint["config"].final_config_dict)], sort_keys=True)


@fuzzed
@given(
    st.sampled_from(["flip", "cut", "zero", "insert", "member", "swap"]),
    st.floats(0, 1),
    st.integers(0, 255),
    st.binary(min_size=1, max_size=8),
)
def test_checkpoints(trained: bytes, kind: str, where: float, bits: int, noise: bytes) -> None:
    place = min(int(where * len(trained)), len(trained) - 1)
    content = bytearray(trained)
    if kind == "flip":
        content[place] ^= bits or 1
    elif kind == "cut":
        del content[place:]
    elif kind == "zero":
        content[place : place + 64] = bytes(len(content[place : place + 64]))
    elif kind == "insert":
        content[place:place] = noise
    else:
        content = bytearray(with_member(trained, kind, place, noise))
    path = Path("fuzzed.pth")
    path.write_bytes(content)
    with in_time():
        try:
            found = read_checkpoint(path)
        except InputError as error:
            one_line(error)
            return
    Path("whole.pth").write_bytes(trained)
    assert isinstance(next(iter(found["state_dict"].values())), torch.Tensor)
    assert canonical(found) == canonical(read_checkpoint("whole.pth")), "a damaged checkpoint was read as another"


def with_member(trained: bytes, kind: str, place: int, noise: bytes) -> bytes:
    """The archive with one member's content damaged, or two members' contents exchanged, sums being right."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(trained)) as source, zipfile.ZipFile(buffer, "w") as target:
        names = source.namelist()
        contents = {name: source.read(name) for name in names}
        chosen = names[place % len(names)]
        if kind == "swap":
            other = names[(place + 1) % len(names)]
            contents[chosen], contents[other] = contents[other], contents[chosen]
        elif chosen.endswith("data.pkl"):
            half = len(contents[chosen]) // 2
            contents[chosen] = contents[chosen][:half] + noise + contents[chosen][half:]
        for name in names:
            target.writestr(name, contents[name])
    return buffer.getvalue()
