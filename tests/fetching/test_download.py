"""A download is the publisher's file, or one line that says why not and leaves nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from publisher import Server, everything, movielens_zip, serving

from recbole_ile.errors import InputError
from recbole_ile.fetching.download import download
from recbole_ile.fetching.sources import Source

CONTENT = movielens_zip()
MD5 = "md5:" + hashlib.md5(CONTENT).hexdigest()
FOLDER = Path("cache/downloads")


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


def source(url: str, checksum: str | None = MD5) -> Source:
    return Source("ml-1m", url, checksum, "GroupLens", "https://page", "terms", "none is stated")


def refused(wanted: Source) -> str:
    with pytest.raises(InputError) as caught:
        download(wanted, FOLDER)
    message = str(caught.value)
    assert everything(Path()) == []
    assert "\n" not in message
    assert wanted.url in message
    assert "https://page has it for a browser, and recbole-ile fetch ml-1m --from=<file> converts it" in message
    return message


def test_a_file_is_downloaded_once(server: Server) -> None:
    wanted = source(server.put("/ml-1m.zip", CONTENT))
    assert download(wanted, FOLDER).read_bytes() == CONTENT
    assert download(wanted, FOLDER) == (FOLDER / "ml-1m.zip").absolute()
    assert server.asked == ["/ml-1m.zip"]
    assert everything(Path()) == [Path("cache"), FOLDER, FOLDER / "ml-1m.zip"]


def test_a_kept_file_that_changed_is_downloaded_again(server: Server) -> None:
    wanted = source(server.put("/ml-1m.zip", CONTENT))
    download(wanted, FOLDER).write_bytes(b"PK half")
    assert download(wanted, FOLDER).read_bytes() == CONTENT


def test_a_file_without_a_published_checksum_is_taken_as_it_comes(server: Server) -> None:
    assert download(source(server.put("/small.zip", CONTENT), None), FOLDER).read_bytes() == CONTENT


def test_another_file_than_the_published_one_is_refused(server: Server) -> None:
    other = CONTENT + b"more"
    message = refused(source(server.put("/ml-1m.zip", other)))
    assert f"its checksum is {hashlib.md5(other).hexdigest()} and not the published {MD5.partition(':')[2]}" in message


@pytest.mark.parametrize("checksum", [MD5, None], ids=["md5", "none"])
def test_a_web_page_is_refused(server: Server, checksum: str | None) -> None:
    page = b"<!DOCTYPE html><title>Log in to the network</title>"
    assert "what the server sent is a web page" in refused(source(server.put("/ml-1m.zip", page), checksum))


@pytest.mark.parametrize("checksum", [MD5, None], ids=["md5", "none"])
def test_a_transfer_that_breaks_off_is_refused(server: Server, checksum: str | None) -> None:
    address = server.put("/ml-1m.zip", CONTENT[:500], promised=len(CONTENT))
    assert "the transfer broke off" in refused(source(address, checksum))


def test_a_file_that_is_gone_is_told(server: Server) -> None:
    assert "the server answers 404 Not Found" in refused(source(server.address + "/gone.zip"))


def test_no_network_is_told(server: Server) -> None:
    closed = "http://127.0.0.1:9/ml-1m.zip"
    assert server.address not in closed
    assert "there is no connection to the server" in refused(source(closed))
    assert "there is no connection to the server" in refused(source("http://nowhere.invalid/ml-1m.zip"))


def test_a_cache_folder_that_cannot_be_made_is_told(server: Server) -> None:
    Path("file").write_text("")
    wanted = source(server.put("/ml-1m.zip", CONTENT))
    with pytest.raises(InputError, match=r"cannot be downloaded: .*Not a directory"):
        download(wanted, Path("file/downloads"))
    assert not server.asked
