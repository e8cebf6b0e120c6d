"""A file is whole or not there, whatever happens to the process, the disk or the folder."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from recbole_ile.errors import InputError
from recbole_ile.files import new_folder, write_text, write_whole

ROOT = Path(__file__).parent.parent
KILLED = (
    "import os, signal, sys; from recbole_ile.files import write_whole\n"
    "def write(path):\n"
    "    path.write_text('half')\n"
    "    os.kill(os.getpid(), signal.SIGKILL)\n"
    "write_whole(sys.argv[1], write)"
)


def full(_: Path) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.trains
def test_what_a_killed_process_leaves_is_taken_for_nothing_and_goes_with_the_next_writing(tmp_path: Path) -> None:
    path = tmp_path / "trial.json"
    write_text(path, "before")
    for _ in range(2):
        subprocess.run(
            [sys.executable, "-c", KILLED, str(path)], check=False, env={**os.environ, "PYTHONPATH": str(ROOT)}
        )
    assert path.read_text() == "before"
    assert list(tmp_path.glob("*.json")) == [path]
    assert len(list(tmp_path.iterdir())) == 2, "the second writing removed what the first one left"
    write_text(path, "after")
    assert path.read_text() == "after"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_another_process_is_writing_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.json"

    def write(temporary: Path) -> None:
        write_text(path, "inner")
        temporary.write_text("outer")

    write_whole(path, write)
    assert path.read_text() == "outer"


def test_a_full_disk_keeps_what_was_there_and_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    write_text(path, "before")
    with pytest.raises(InputError, match=r"^file .*result\.json cannot be written: No space left on device$"):
        write_whole(path, full)
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_missing_or_forbidden_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none/a cannot be written: No such file or directory"):
        write_text(tmp_path / "none" / "a", "")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"file/a cannot be written: Not a directory"):
        write_text(tmp_path / "file" / "a", "")


def test_the_content_is_on_the_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    sync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda handle: seen.append("sync") or sync(handle))
    monkeypatch.setattr(os, "replace", lambda *paths: seen.append("rename") or replace(*paths))
    write_text(tmp_path / "a", "b")
    assert seen == ["sync", "rename"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_torch_says_that_the_disk_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from recbole_ile.plugin.checkpoints.files import write_checkpoint
    from recbole_ile.plugin.config.config import IleConfig

    config = IleConfig("BPR", "ml-100k")
    content = {"config": config, "epoch": 0, "state_dict": {"x": torch.zeros(1_000_000)}}
    path = tmp_path / "model.pth"
    write_checkpoint({**content, "state_dict": {}}, path)
    before = path.read_bytes()
    save = torch.save

    def save_to_full_disk(state: object, _: object, **keywords: object) -> None:
        with open("/dev/full", "wb") as disk:
            save(state, disk, **keywords)

    monkeypatch.setattr(torch, "save", save_to_full_disk)
    with pytest.raises(InputError, match=r"model\.pth cannot be written: No space left on device"):
        write_checkpoint(content, path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


UMASK = """
import os, stat, sys, threading, time
from pathlib import Path
from recbole_ile.files import new_folder, write_text

os.umask(0o027)
umask = os.umask

def slow_umask(mask):
    before = umask(mask)
    time.sleep(0.01)  # long enough for another thread to make something
    return before

os.umask = slow_umask
folder = Path(sys.argv[1])
ended = threading.Event()
others = []

def make_others():
    for number in range(100_000):
        path = folder / "other"
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        others.append(stat.S_IMODE(path.stat().st_mode))
        path.unlink()
        if ended.is_set():
            break

thread = threading.Thread(target=make_others)
thread.start()
while not others:
    pass
for number in range(300):
    write_text(folder / f"{number}.json", "")
    new_folder(folder, f"{number}-")
ended.set()
thread.join()
modes = lambda pattern: {oct(stat.S_IMODE(path.stat().st_mode)) for path in folder.glob(pattern)}
print(modes("*.json"), modes("*-*"), {oct(mode) for mode in others}, oct(os.umask(0)))
"""


@pytest.mark.trains
@pytest.mark.skipif(os.name != "posix", reason="no permissions of others")
def test_what_is_new_has_the_permissions_of_the_umask_which_no_other_thread_sees_changed(tmp_path: Path) -> None:
    told = subprocess.run(
        [sys.executable, "-c", UMASK, str(tmp_path)],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert told.stdout.strip() == "{'0o640'} {'0o750'} {'0o640'} 0o27"


def test_a_name_that_is_taken_is_not_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = iter(["taken", "taken", "free"])
    monkeypatch.setattr("recbole_ile.files.secrets.token_hex", lambda _: next(names))
    assert [new_folder(tmp_path, "a-").name for _ in range(2)] == ["a-taken", "a-free"]
