"""The columns of a file of films, and what a line may have in them."""

import re
from functools import lru_cache
from operator import itemgetter

from movies.importing.errors import RefusedError, RejectedError
from movies.models import FIRST_YEAR, LAST_YEAR, MAX_CREDITS, MAX_GENRES, MAX_RATING, Film, Genre, Person

REQUIRED = ("tconst", "primaryTitle", "startYear", "averageRating", "genres")
# A file without one of these leaves such credits as they are.
OPTIONAL = ("directors", "cast")
KNOWN = (*REQUIRED, *OPTIONAL)
# Also what COPY takes for null.
NULL = r"\N"
MISSING = ("", NULL)
BETWEEN_GENRES, BETWEEN_PEOPLE = ",", "|"
SHOWN_CHARACTERS = 40

ID = re.compile(r"tt[0-9]{7,10}")
# Looked up as they are written: faster than making numbers of them, and stricter.
YEARS = frozenset(str(year) for year in range(FIRST_YEAR, LAST_YEAR + 1))
RATINGS = frozenset(
    text for tenths in range(int(MAX_RATING) * 10 + 1) for text in (f"{tenths / 10:.1f}", f"{tenths / 10:g}")
)
MAX_TITLE, MAX_GENRE, MAX_NAME = (
    column.field.max_length or 0 for column in (Film.title, Genre.name, Person.name)
)


class Columns:
    """Those of one file, as its header names them.

    Raises:
        RefusedError: One is missing, not known, or there twice.
    """

    def __init__(self, header: list[str]) -> None:
        known = f"known are {', '.join(KNOWN)}"
        if unknown := [_shown(name) for name in header if name not in KNOWN]:
            raise RefusedError(f"unknown columns {', '.join(unknown[:10])}: {known}")
        if missing := [name for name in REQUIRED if name not in header]:
            raise RefusedError(f"missing columns {', '.join(missing)}: {known}")
        if twice := [name for name in KNOWN if header.count(name) > 1]:
            raise RefusedError(f"columns that are there twice: {', '.join(twice)}")
        self._width = len(header)
        self._optional = [name for name in OPTIONAL if name in header]
        self._pick = itemgetter(*(header.index(name) for name in (*REQUIRED, *self._optional)))

    def film(self, row: list[str]) -> tuple[str, ...]:
        r"""Return a line's values in the order of KNOWN, with \N for a column that the file lacks.

        Raises:
            RejectedError: One is not valid.
        """
        if len(row) != self._width:
            raise RejectedError(f"has {len(row)} columns, not {self._width}")
        tconst, title, year, rating, genres, *people = self._pick(row)
        if not ID.fullmatch(tconst):
            raise RejectedError(f"tconst {_shown(tconst)}: write tt and 7 to 10 digits")
        title = title.strip()
        if title in MISSING:
            raise RejectedError("primaryTitle is missing")
        if len(title) > MAX_TITLE:
            raise RejectedError(f"primaryTitle has {len(title)} characters, not {MAX_TITLE} at most")
        if year not in YEARS:
            raise RejectedError(f"startYear {_shown(year)}: write a year from {FIRST_YEAR} to {LAST_YEAR}")
        if rating not in RATINGS:
            raise RejectedError(
                f"averageRating {_shown(rating)}: write a number from 0 to {MAX_RATING}, to one decimal place"
            )
        credited = dict(zip(self._optional, map(_people, self._optional, people), strict=True))
        return (
            tconst,
            title,
            year,
            rating,
            _genres(genres),
            *(credited.get(name, NULL) for name in OPTIONAL),
        )


# Of a million films, few have a combination that no other has.
@lru_cache(maxsize=2000)
def _genres(text: str) -> str:
    names = _names("genres", text, BETWEEN_GENRES, MAX_GENRE, MAX_GENRES)
    return BETWEEN_GENRES.join(sorted(set(names)))


def _people(column: str, text: str) -> str:
    names = _names(column, text, BETWEEN_PEOPLE, MAX_NAME, MAX_CREDITS)
    if len(set(names)) < len(names):
        raise RejectedError(f"{column} has somebody twice")
    return BETWEEN_PEOPLE.join(names)


def _names(column: str, text: str, between: str, longest: int, most: int) -> list[str]:
    if text.strip() in MISSING:
        return []
    names = [name.strip() for name in text.split(between)]
    if len(names) > most:
        raise RejectedError(f"{column} has {len(names)} names, not {most} at most")
    if "" in names:
        raise RejectedError(f"{column} has an empty name")
    if NULL in names:
        raise RejectedError(rf"{column} has \N among its names")
    if too_long := [name for name in names if len(name) > longest]:
        raise RejectedError(f"{column} has a name of {len(too_long[0])} characters, not {longest} at most")
    return names


def _shown(text: str) -> str:
    """As ASCII without control characters, which a terminal might obey."""
    return ascii(text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}...")
