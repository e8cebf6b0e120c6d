"""The films and people of MovieLens archives get the columns of RecBole's own MovieLens files."""

from __future__ import annotations

from pathlib import Path

from publisher import csv_text, dat_text, zipped

from recbole_ile.fetching.features import Features, read_features


def features(members: dict[str, str | bytes], ratings: str = "ratings.dat") -> dict[str, Features]:
    path = Path("given.zip")
    path.write_bytes(zipped({f"ml/{ratings}": dat_text(), **{f"ml/{name}": text for name, text in members.items()}}))
    return {found.kind: found for found in read_features(path)}


def test_films_of_every_shape() -> None:
    wanted = ("2", "Up, Up", "2009", "Children's Drama")
    row = "2|Up, Up (2009)|01-Jan-2009||http://us|" + "|".join("1" if place in (4, 8) else "0" for place in range(19))
    for name, ratings, text in (
        ("movies.dat", "ratings.dat", "2::Up, Up (2009)::Children's|Drama\n"),
        ("movies.csv", "ratings.csv", 'movieId,title,genres\n2,"Up, Up (2009)",Children\'s|Drama\r\n'),
        ("u.item", "u.data", row + "\n"),
    ):
        found = features({name: text}, ratings)["item"]
        assert found.rows == {"2": wanted}, name
        assert found.header[:3] == ("item_id:token", "movie_title:token_seq", "release_year:token")
        assert not found.malformed.count
    assert str(found) == "1 items with movie_title, release_year, class"


def test_people_of_both_shapes() -> None:
    wanted = {"1": ("1", "24", "M", "technician", "85711")}
    assert features({"users.dat": "1::M::24::technician::85711\n"})["user"].rows == wanted
    assert features({"u.user": "1|24|M|technician|85711\n"})["user"].rows == wanted


def test_titles_without_a_year_with_quotes_or_of_an_older_encoding() -> None:
    text = '1::"Great" Cats::Comedy\n2::Les Misérables (Les) (1995)::(no genres listed)\n'
    rows = features({"movies.dat": text.encode("latin-1")})["item"].rows
    assert rows["1"] == ("1", "'Great' Cats", "", "Comedy")
    assert rows["2"] == ("2", "Les Misérables (Les)", "1995", "")


def test_malformed_lines_are_counted() -> None:
    text = "1::A::B\n2::A\n\n::A::B\n" + "x" * 200_000
    assert "3 malformed lines: 2 (not the 3 fields of movies.dat), 4, 5" in str(
        features({"movies.dat": text})["item"].malformed
    )
    wide = f'movieId,title,genres\n1,"{"x" * 200_000}",B\n'
    assert features({"movies.csv": wide}, "ratings.csv")["item"].malformed.count == 1


def test_a_file_that_is_no_archive_has_none() -> None:
    Path("ratings.csv").write_text(csv_text())
    assert read_features(Path("ratings.csv")) == []
