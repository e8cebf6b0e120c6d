"""Archives are read as streams: nothing is unpacked, whatever they hold."""

from __future__ import annotations

import gzip
import io
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest
from publisher import ROWS, csv_text, dat_text, everything, movielens_zip, zipped

from recbole_ile.errors import InputError
from recbole_ile.fetching import archive, safety
from recbole_ile.fetching.conversion import read_interactions


def refused(content: bytes) -> str:
    folder = Path("in") / "side"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "given.zip"
    path.write_bytes(content)
    before = everything(Path())
    with pytest.raises(InputError) as caught:
        read_interactions(path)
    assert everything(Path()) == before
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", ["../evil.csv", "a/../../evil.csv", "/evil.csv", "C:\\evil.csv", "..\\evil.csv"])
def test_a_member_outside_of_the_folder_refuses_the_archive(name: str) -> None:
    message = refused(zipped({"ratings.csv": csv_text(), name: "evil"}))
    assert "lies outside of its folder" in message
    assert "evil.csv" in message


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (stat.S_IFLNK, "is a symbolic link"),
        (stat.S_IFCHR, "is neither a file nor a folder"),
        (stat.S_IFBLK, "is neither a file nor a folder"),
        (stat.S_IFSOCK, "is neither a file nor a folder"),
    ],
)
def test_a_link_or_a_device_refuses_the_archive(kind: int, message: str) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as packed:
        packed.writestr("ratings.csv", csv_text())
        member = zipfile.ZipInfo("other")
        member.external_attr = (kind | 0o777) << 16
        packed.writestr(member, "/etc/passwd")
    assert message in refused(content.getvalue())


def test_an_archive_that_was_made_from_a_pipe_is_read() -> None:
    with zipfile.ZipFile("given.zip", "w") as packed:
        member = zipfile.ZipInfo("ratings.csv")
        member.external_attr = (stat.S_IFIFO | 0o600) << 16
        packed.writestr(member, csv_text())
    assert len(read_interactions(Path("given.zip")).interactions.users) == len(ROWS)


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.99])
def test_a_truncated_archive_is_told(kept: float) -> None:
    for whole in (movielens_zip(), gzip.compress(dat_text().encode())):
        assert "is a damaged or truncated archive" in refused(whole[: int(len(whole) * kept)])


def test_an_archive_with_a_wrong_byte_is_told() -> None:
    content = bytearray(gzip.compress(dat_text().encode()))
    content[len(content) // 2] ^= 0xFF
    assert "given.zip" in refused(bytes(content))


def test_a_file_that_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(safety, "UNSUSPICIOUS", 10_000)
    bomb = "1::2::3::4\n" * 200_000
    assert "unpacks to more than" in refused(zipped({"ratings.dat": bomb}))
    assert "unpacks to more than" in refused(gzip.compress(bomb.encode()))
    monkeypatch.setattr(safety, "LARGEST_FILE", 1000)
    assert "unpacks to more than 1000 bytes" in refused(movielens_zip())


def test_a_declared_size_is_refused_before_anything_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    content = bytearray(zipped({"ratings.dat": dat_text()}))
    size_at = content.index(b"PK\x01\x02") + 24
    content[size_at : size_at + 4] = (2**31).to_bytes(4, "little")
    monkeypatch.setattr(zipfile.ZipExtFile, "read", lambda *_: pytest.fail("it was read"))
    assert "unpacks to more than 67108864 bytes" in refused(bytes(content))


def test_a_size_declared_too_small_is_told() -> None:
    content = bytearray(zipped({"ratings.dat": dat_text()}))
    size_at = content.index(b"PK\x01\x02") + 24
    content[size_at : size_at + 4] = (50).to_bytes(4, "little")
    assert "is a damaged or truncated archive" in refused(bytes(content))


def test_what_lies_beside_is_bounded_and_only_what_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    path = Path("given.zip")
    path.write_bytes(zipped({"a/ratings.dat": dat_text(), "a/u.user": "x" * 2000, "b/u.item": "y", "a/z": "z"}))
    assert archive.read_beside(path, ("u.user", "u.item")) == {"u.user": b"x" * 2000}
    monkeypatch.setattr(archive, "LARGEST_TABLE", 1000)
    with pytest.raises(InputError, match=r"a/u\.user unpacks to more than 1000 bytes"):
        archive.read_beside(path, ("u.user",))


def test_other_archives_are_told_by_their_kind() -> None:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as packed:
        packed.addfile(tarfile.TarInfo("ratings.csv"))
    assert "is a tar archive; unpack it" in refused(content.getvalue())


def test_an_archive_without_one_file_of_interactions_is_told() -> None:
    assert "holds no files that may be interactions" in refused(zipped({"README": "read me"}))
    assert "holds 2 files that may be interactions: a.csv, b.csv" in refused(zipped({"a.csv": "", "b.csv": ""}))
    assert "is empty" in refused(zipped({"ratings.csv": ""}))
    assert "is a web page" in refused(zipped({"ratings.csv": "<html>"}))


def test_a_password_is_told() -> None:
    content = bytearray(zipped({"ratings.dat": dat_text()}))
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    assert "cannot be unpacked" in refused(bytes(content))
