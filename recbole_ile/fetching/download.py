"""Download a publisher's file into the user's cache folder, and check that it is the one that was published."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pooch
import requests

from recbole_ile.errors import InputError
from recbole_ile.fetching.safety import DamagedFile, check_start
from recbole_ile.fetching.sources import Source
from recbole_ile.fetching.staging import new_folders

PATIENCE = 30
"""Seconds in which a server has to answer, and to go on answering."""
_CHUNK = 2**20


def download(source: Source, folder: Path) -> Path:
    """Return the publisher's file, which is downloaded unless it lies in the folder already.

    Args:
        source: what to download.
        folder: where to keep it; a download that fails leaves nothing there.

    Raises:
        InputError: one line that names the address, the reason and how to go on by hand.
    """
    pooch.get_logger().setLevel("WARNING")
    try:
        with new_folders(folder):
            kept = pooch.retrieve(
                source.url,
                known_hash=source.checksum,
                fname=source.url.rpartition("/")[2],
                path=folder,
                downloader=_download_file,
            )
    except (requests.RequestException, OSError, ValueError) as error:
        raise InputError(
            f"{source.url} cannot be downloaded: {_reason(error)}; {source.page} has it for a browser, and "
            f"recbole-ile fetch {source.name} --from=<file> converts it"
        ) from error
    return Path(kept)


def checksum_of(path: Path, algorithm: str = "sha256") -> str:
    """Return ``algorithm:hex`` of a file."""
    return f"{algorithm}:{pooch.file_hash(str(path), alg=algorithm)}"


def _download_file(url: str, output_file: str, manager: Any) -> None:
    """Download one file as it is: a server may not pack or unpack it on the way."""
    get = pooch.HTTPDownloader(
        progressbar=sys.stderr.isatty(),
        chunk_size=_CHUNK,
        timeout=PATIENCE,
        headers={"Accept-Encoding": "identity"},
    )
    get(url, output_file, manager)
    with open(output_file, "rb") as file:
        start = file.read(512)
    if not start.startswith((b"PK", b"\x1f\x8b")):
        check_start(start, "what the server sent")


def _reason(error: Exception) -> str:
    """Say in a few words what requests and pooch say in many."""
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"the server answers {error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.Timeout):
        return f"the server did not answer within {PATIENCE} seconds"
    if isinstance(error, requests.exceptions.SSLError):
        return "the server's certificate is not valid"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the transfer broke off"
    if isinstance(error, requests.ConnectionError):
        return "there is no connection to the server"
    if isinstance(error, DamagedFile):
        return str(error)
    sums = re.search(r"expected (\S+) but got (\w+)", str(error))
    if sums:
        return f"its checksum is {sums[2]} and not the published {sums[1].rpartition(':')[2]}"
    return getattr(error, "strerror", None) or str(error)
