"""What the lists can be asked for."""

from rest_framework import serializers

from api.query_parameters import PageParameters
from api.rows import MAX_ID
from movies.models import FIRST_YEAR, LAST_YEAR, MAX_RATING

# The id makes each place unique, and has an index together with each of the others.
ORDERS = {
    "oldest": ("id",),
    "newest": ("-id",),
    "year": ("year", "id"),
    "-year": ("-year", "-id"),
    "rating": ("rating", "id"),
    "-rating": ("-rating", "-id"),
    "title": ("title", "id"),
    "-title": ("-title", "-id"),
}
SEARCH_HELP = (
    'Words in any order; "in quotes" a phrase, `or` between two, `-` before one that must not be there.'
)


def _year() -> serializers.IntegerField:
    return serializers.IntegerField(required=False, min_value=FIRST_YEAR, max_value=LAST_YEAR)


def _rating() -> serializers.DecimalField:
    return serializers.DecimalField(
        max_digits=3, decimal_places=1, required=False, min_value=0, max_value=MAX_RATING
    )


def _search() -> serializers.CharField:
    return serializers.CharField(required=False, max_length=200, trim_whitespace=False, help_text=SEARCH_HELP)


class FilmParameters(PageParameters):
    year = _year()
    year_min = _year()
    year_max = _year()
    rating_min = _rating()
    rating_max = _rating()
    genre = serializers.ListField(
        child=serializers.CharField(max_length=50, trim_whitespace=False),
        required=False,
        max_length=10,
        help_text="By name. Given several times, the film has all of them.",
    )
    person = serializers.IntegerField(
        required=False, min_value=1, max_value=MAX_ID, help_text="The id of a director or actor."
    )
    search = _search()
    ordering = serializers.ChoiceField(choices=list(ORDERS), required=False, default="oldest")


class PersonParameters(PageParameters):
    search = _search()
