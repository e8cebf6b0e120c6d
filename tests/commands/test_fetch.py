"""``fetch`` makes data sets that train, and touches nothing where it cannot."""

from __future__ import annotations

import gzip
import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from publisher import ROWS, SHAPES, Server, csv_text, dat_text, everything, movielens_zip, publish, serving, zipped

from recbole_ile import run_recbole_ile
from recbole_ile.cli import main
from recbole_ile.fetching import sources

USERS = "".join(f"{user}::M::24::3::85711\n" for user in range(1, 41))
FILMS = "".join(f"{item}::Film {item} ({1998 + item % 2})::Drama|War\n" for item in range(1, 41))
PEOPLE_100K = "".join(f"{user}|24|M|other|85711\n" for user in range(1, 41))
FILMS_100K = "".join(f"{item}|Film {item} (1999)|||{'|1' * 19}\n" for item in range(1, 41))
ARCHIVES = {
    "ml-1m": zipped({"ml-1m/ratings.dat": dat_text(), "ml-1m/users.dat": USERS, "ml-1m/movies.dat": FILMS}),
    "ml-100k": zipped(
        {"ml-100k/u.data": SHAPES["u.data"], "ml-100k/u.user": PEOPLE_100K, "ml-100k/u.item": FILMS_100K}
    ),
    "ml-20m": zipped(
        {
            "ml-20m/ratings.csv": csv_text(),
            "ml-20m/movies.csv": "movieId,title,genres\n" + FILMS.replace("::", ","),
            "ml-20m/tags.csv": "userId,movieId,tag,timestamp\n",
        }
    ),
}
LOOSE = ("ratings.dat", "mine.tsv", "goodreads_interactions.csv", "goodreads_interactions_poetry.json.gz")
GIVEN = {f"{name}.zip": content for name, content in ARCHIVES.items()} | {name: SHAPES[name] for name in LOOSE}
QUICK = {"epochs": 1, "show_progress": False, "train_batch_size": 128}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """The publishers of what is known, on this machine."""
    with serving() as running:
        poetry = SHAPES["goodreads_interactions_poetry.json.gz"]
        publish(running, monkeypatch, ARCHIVES | {"goodreads-poetry": poetry})
        yield running


def put(name: str, content: bytes | str) -> str:
    path = Path("given") / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(path)


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Return the one line that this command prints, after which everything is as before."""
    before = {path: path.is_dir() or path.read_bytes() for path in everything(Path())}
    capsys.readouterr()
    assert main(["fetch", *words]) == 2
    printed, told = capsys.readouterr()
    assert {path: path.is_dir() or path.read_bytes() for path in everything(Path())} == before
    assert not printed
    assert told.startswith("error: ")
    assert told.count("\n") == 1
    return told


@pytest.mark.trains
@pytest.mark.parametrize("name", GIVEN)
def test_what_a_user_has_is_converted_and_trains(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fetch", "mine", f"--from={put(name, GIVEN[name])}", "--k_core=2"]) == 0
    printed, told = capsys.readouterr()
    assert f"mine.inter: 30 users, 20 items, {len(ROWS)} interactions, no malformed lines" in printed
    assert printed.endswith("next: recbole-ile --model=BPR_ILE --dataset=mine\n")
    assert not told
    result = run_recbole_ile("BPR_ILE", "mine", config_dict=QUICK)
    assert result["test_result"]["upd@10"] >= 0


@pytest.mark.parametrize("name", ARCHIVES)
def test_a_download_is_converted_with_its_features(
    name: str, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fetch", name, "--data_path=data"]) == 0
    printed = capsys.readouterr().out
    assert server.asked == [f"/{name}"]
    kinds = ["inter", "item"] if name == "ml-20m" else ["inter", "item", "user"]
    assert sorted(path.name for path in Path("data", name).iterdir()) == [f"{name}.{kind}" for kind in kinds]
    films = Path("data", name, f"{name}.item").read_text().splitlines()
    assert len(films) == 1 + 20, "those that nobody rated are none"
    assert films[0].startswith("item_id:token\tmovie_title:token_seq\trelease_year:token\t")
    assert films[1].startswith("1\tFilm 1\t1999\t")
    assert "as published" in printed
    assert "GroupLens: research use, no redistribution" in printed
    if name == sources.PACKAGED:
        assert "RecBole trains on a copy of its own under the name ml-100k, all of it and not these files" in printed
        return
    assert "next: recbole-ile --model=BPR_ILE --dataset=" + name + " --data_path=data" in printed


@pytest.mark.trains
def test_the_features_of_a_download_can_be_loaded(server: Server) -> None:
    assert main(["fetch", "ml-1m"]) == 0
    columns = {
        "inter": ["user_id", "item_id"],
        "item": ["item_id", "genre", "release_year"],
        "user": ["user_id", "age"],
    }
    settings = QUICK | {"load_col": columns, "item_group_field": "release_year"}
    result = run_recbole_ile("BPR_ILE", "ml-1m", config_dict=settings)
    assert {entry["group"] for entry in result["test_by_item_group"]} == {"1998", "1999"}
    assert server.asked == ["/ml-1m"]


def test_goodreads_is_downloaded_without_a_checksum(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fetch", "goodreads-poetry", "--min_rating=4"]) == 0
    printed = capsys.readouterr().out
    high = sum(rating >= 4 for _, _, rating, _ in ROWS)
    assert f"{high} interactions, no malformed lines, {len(ROWS) - high} below a rating of 4 dropped" in printed
    digest = hashlib.sha256(SHAPES["goodreads_interactions_poetry.json.gz"]).hexdigest()
    assert f"the publisher states no checksum, so this file is not verified; it has sha256:{digest}" in printed
    assert server.asked == ["/goodreads-poetry"]


def test_what_is_kept_is_told_and_written(capsys: pytest.CaptureFixture[str]) -> None:
    content = "user,item,rating\na,x,5\na,y,4\nb,x,3\nb,y,5\nc,x,5\nbroken\na,x,1\nd,z,2\n"
    file = put("mine.csv", content)
    assert main(["fetch", "mine", f"--from={file}", "--k_core=2", "--drop_duplicates", "--min_rating=2"]) == 0
    printed, told = capsys.readouterr()
    assert Path("dataset/mine/mine.inter").read_text() == (
        "user_id:token\titem_id:token\trating:float\na\tx\t5\na\ty\t4\nb\tx\t3\nb\ty\t5\n"
    )
    assert "2 users, 2 items, 4 interactions, 1 malformed line: 7 (1 field instead of 3)" in printed
    assert "1 below a rating of 2 dropped, 2 outside of the 2-core dropped" in printed
    assert told == f"warning: {file}: 1 malformed line: 7 (1 field instead of 3); left out\n"


@pytest.mark.parametrize(("option", "rating"), [((), ["5", "1"]), (("--drop_duplicates",), ["1"])])
def test_of_repeated_pairs_the_last_is_kept(
    option: tuple[str, ...], rating: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    file = put("mine.csv", "user,item,rating\na,x,5\na,x,1\n")
    assert main(["fetch", "mine", f"--from={file}", *option]) == 0
    assert f"1 repeated pairs {'dropped' if option else 'kept'}" in capsys.readouterr().out
    lines = Path("dataset/mine/mine.inter").read_text().splitlines()[1:]
    assert [line.split("\t")[2] for line in lines] == rating


def test_columns_are_named_by_options() -> None:
    file = put("mine.csv", "when,reader,isbn,points\n1504892664,a,x,3\n")
    words = ["--user=reader", "--item=isbn", "--rating=points", "--timestamp=when"]
    assert main(["fetch", "mine", f"--from={file}", *words]) == 0
    assert Path("dataset/mine/mine.inter").read_text().splitlines()[1] == "a\tx\t3\t1504892664"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "fetch needs the name of a data set: ml-100k, ml-1m"),
        (["ml1m"], "unknown data set ml1m, did you mean ml-1m?"),
        (["mine", "--from=given/mine.cvs"], "file given/mine.cvs does not exist, did you mean mine.csv?"),
        (["mine", "--from=given"], "file given is a folder; give a file in it"),
        (["mine", "--from=given/mine.csv", "--kcore=5"], "unexpected argument --kcore=5, did you mean k_core?"),
        (["mine", "--from=given/mine.csv", "--k_core=five"], "option k_core=five is not allowed"),
        (["mine", "--from=given/mine.csv", "--k_core=0"], "option k_core=0 is not allowed"),
        (["mine", "--from=given/mine.csv", "--min_rating=high"], "option min_rating=high is not allowed"),
        (["mine", "--from=given/mine.csv", "--format=cvs"], "option format=cvs is not allowed, did you mean csv?"),
        (["mine", "--from=given/mine.csv", "--user=usrId"], "has no such column, did you mean userId?"),
        (["mine", "--from=given/mine.csv", "--k_core=99"], "no interaction is left (no malformed lines, 450 outside"),
        (["../mine", "--from=given/mine.csv"], "data set name '../mine' is not allowed"),
        (["mine", "--from=given/mine.csv", "--data_path=given/mine.csv"], "cannot be written: "),
        (["mine", "--from=given/wrong.csv"], "no interaction is left (3 malformed lines: 2 (1 field instead of 2), 3"),
        (["mine", "--from=given/page.zip"], "is a web page and not a data set"),
        (["mine", "--from=given/cut.zip"], "is a damaged or truncated archive"),
        (["mine", "--from=given/cut.json.gz"], "is a damaged or truncated archive"),
    ],
    ids=range(17),
)
def test_what_is_wrong_is_one_line_and_leaves_nothing(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    put("mine.csv", csv_text())
    put("wrong.csv", "user,item\nx\ny\nz\n")
    put("page.zip", "<html>not found</html>")
    put("cut.zip", movielens_zip()[:-30])
    put("cut.json.gz", SHAPES["goodreads_interactions_poetry.json.gz"][:-200])
    assert message in refused(capsys, *words)


def test_a_data_set_that_exists_is_replaced_only_if_asked(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fetch", "mine", f"--from={put('ml-1m.zip', ARCHIVES['ml-1m'])}"]) == 0
    file = put("two.csv", "user,item\na,x\nb,y\n")
    told = refused(capsys, "mine", f"--from={file}")
    assert "exists already; --force replaces mine.inter, mine.item, mine.user in it" in told
    broken = put("broken.csv", "user,item\na\n")
    refused(capsys, "mine", f"--from={broken}", "--force")
    assert main(["fetch", "mine", f"--from={file}", "--force"]) == 0
    assert "warning: mine.item, mine.user in dataset/mine is of an earlier data set" in capsys.readouterr().err
    assert Path("dataset/mine/mine.inter").read_text() == "user_id:token\titem_id:token\na\tx\nb\ty\n"


def test_an_interrupt_leaves_everything_as_it_was(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    file = put("mine.csv", csv_text())
    before = everything(Path())
    monkeypatch.setattr("recbole_ile.fetching.atomic._lines", interrupted)
    assert main(["fetch", "mine", f"--from={file}"]) == 130
    assert everything(Path()) == before
    told = capsys.readouterr().err
    assert told == "interrupted; dataset/mine is as it was, and the same command starts again\n"


def test_a_download_that_cannot_be_what_was_published_is_not_kept(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = gzip.compress(b"<html>busy</html>")
    server.put("/goodreads-poetry", bad)
    Path("cache/downloads").mkdir(parents=True)
    told = refused(capsys, "goodreads-poetry")
    assert "is a web page and not a data set; it is deleted, and the same command downloads it again" in told


def test_a_wrong_checksum_leaves_nothing(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    server.put("/ml-1m", ARCHIVES["ml-20m"])
    told = refused(capsys, "ml-1m")
    assert "and not the published" in told
    assert "--from=<file> converts it" in told


def test_a_file_of_ones_own_under_a_known_name_is_compared(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fetch", "ml-1m", f"--from={put('mine.zip', ARCHIVES['ml-1m'])}"]) == 0
    assert "as published" in capsys.readouterr().out
    shutil.rmtree("dataset")
    assert main(["fetch", "ml-1m", f"--from={put('ratings.dat', dat_text())}"]) == 0
    assert "this file is not http://127.0.0.1" in capsys.readouterr().out
    assert not server.asked


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--dataset=ml-1m"], "recbole-ile fetch ml-1m gets it;"),
        (["--dataset=ml-1m", "--data_path=my data"], "recbole-ile fetch ml-1m --data_path='my data' gets it;"),
        (["--dataset=ml1m"], "dataset ml1m not found, did you mean ml-1m?"),
        (["--dataset=mine"], "recbole-ile fetch mine --from=<file> converts a zip, dat, csv, tsv or json.gz file;"),
    ],
)
def test_a_run_without_its_data_says_how_to_get_them(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--model=BPR_ILE", *words]) == 2
    assert message in capsys.readouterr().err
