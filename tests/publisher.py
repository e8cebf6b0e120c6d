"""Files as publishers give them, and a server that gives them."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import http.server
import io
import json
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from recbole_ile.fetching import sources
from recbole_ile.plugin.catalogue.properties import defaults

ROWS = [
    (f"{user}", f"{item}", (user * item) % 5 + 1, 978300000 + 60 * user + item)
    for user in range(1, 31)
    for item in range(1, 21)
    if (user * 7 + item * 3) % 4
]
"""30 users, 20 items: enough to train on."""


def dat_text(rows: list[tuple[Any, ...]] = ROWS) -> str:
    """``ratings.dat`` of MovieLens."""
    return "".join("::".join(map(str, row)) + "\n" for row in rows)


def csv_text(separator: str = ",", header: str = "userId,movieId,rating,timestamp") -> str:
    """``ratings.csv`` of MovieLens, or of somebody else."""
    lines = [header.replace(",", separator), *(separator.join(map(str, row)) for row in ROWS)]
    return "".join(line + "\n" for line in lines if line)


def json_text() -> str:
    """Interactions of the UCSD book graph."""
    entries = [
        {"user_id": f"u{user}", "book_id": item, "is_read": True, "rating": rating, "date_added": date}
        for user, item, rating, _ in ROWS
        for date in ["Fri Sep 08 10:44:24 -0700 2017"]
    ]
    return "".join(json.dumps(entry) + "\n" for entry in entries)


def zipped(members: dict[str, str] | dict[str, bytes] | dict[str, str | bytes]) -> bytes:
    """A zip archive of these files."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return content.getvalue()


def movielens_zip() -> bytes:
    """``ml-1m.zip`` in small."""
    return zipped({"ml-1m/README": "read me", "ml-1m/movies.dat": "1::A::B\n", "ml-1m/ratings.dat": dat_text()})


def everything(folder: Path) -> list[Path]:
    """Every file and folder below one."""
    return sorted(folder.rglob("*"))


SHAPES: dict[str, bytes] = {
    "ml-1m.zip": movielens_zip(),
    "ratings.dat": dat_text().encode(),
    "ratings.csv": csv_text().encode(),
    "mine.tsv": csv_text("\t", "user_id,item_id,rating,timestamp").encode(),
    "u.data": csv_text("\t", "").encode(),
    "goodreads_interactions_poetry.json.gz": gzip.compress(json_text().encode()),
    "goodreads_interactions.csv": csv_text(header="user_id,book_id,rating,is_read").encode(),
}
"""What `fetch` has to read, by a name that each may have."""


class Server:
    """Serves what ``answers`` holds: for each path, a status, the bytes, and how many of them it promises."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.answers: dict[str, tuple[int, bytes, int]] = {}
        self.asked: list[str] = []

    def put(self, path: str, content: bytes, status: int = 200, promised: int | None = None) -> str:
        """Serve this content and return its address."""
        self.answers[path] = status, content, len(content) if promised is None else promised
        return self.address + path


def publish(server: Server, monkeypatch: pytest.MonkeyPatch, files: dict[str, bytes]) -> None:
    """Have these known data sets come from this machine, with right checksums where their publishers state one."""
    entries = defaults("fetch/sources.yaml")
    for name, content in files.items():
        entries[name]["url"] = server.put(f"/{name}", content)
        if entries[name]["checksum"]:
            entries[name]["checksum"] = "md5:" + hashlib.md5(content).hexdigest()
    monkeypatch.setattr(sources, "defaults", lambda _: entries)


@contextlib.contextmanager
def serving() -> Iterator[Server]:
    """Run a server on this machine within this context."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.asked.append(self.path)
            status, content, promised = server.answers.get(self.path, (404, b"<html>not here</html>", 21))
            self.send_response(status)
            self.send_header("Content-Length", str(promised))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    listener = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server = Server(f"http://127.0.0.1:{listener.server_address[1]}")
    thread = threading.Thread(target=listener.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        listener.shutdown()
        thread.join()
        listener.server_close()
