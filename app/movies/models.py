from decimal import Decimal
from typing import Any

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector, SearchVectorField
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models

from movies.posters import poster_path

# The year of the oldest film that survives.
FIRST_YEAR = 1888
LAST_YEAR = 2100
MAX_RATING = Decimal(10)
MAX_GENRES = 50
# In each role: more than the longest list of credits that anybody reads.
MAX_CREDITS = 500

# Titles and names are in all languages. "english" would also drop words like "It" and "Her", which are films.
SEARCH_CONFIG = "simple"


def search_column(field: str) -> Any:
    """Kept by PostgreSQL itself, whoever writes the row, the release before this one included."""
    return models.GeneratedField(
        expression=SearchVector(field, config=SEARCH_CONFIG),
        output_field=SearchVectorField(null=True),
        db_persist=True,
        editable=False,
    )


def external_id(prefix: str) -> Any:
    return models.CharField(
        max_length=12,
        unique=True,
        null=True,
        blank=True,
        validators=[RegexValidator(rf"^{prefix}[0-9]{{7,10}}\Z", f"Write {prefix} and 7 to 10 digits.")],
        help_text=f"In IMDb: {prefix} and 7 to 10 digits.",
    )


class Genre(models.Model):
    name = models.CharField(max_length=50, unique=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class Person(models.Model):
    name = models.CharField(max_length=200)
    external_id = external_id("nm")
    search = search_column("name")

    class Meta:
        verbose_name_plural = "people"
        indexes = (
            models.Index(fields=["name", "id"], name="person_by_name"),
            GinIndex(fields=["search"], name="person_search"),
        )

    def __str__(self) -> str:
        return self.name


class Film(models.Model):
    """Written by movies.services, which knows what becomes of the posters' files."""

    external_id = external_id("tt")
    title = models.CharField(max_length=200)
    year = models.PositiveSmallIntegerField(
        validators=[MinValueValidator(FIRST_YEAR), MaxValueValidator(LAST_YEAR)]
    )
    genres = models.ManyToManyField(Genre, related_name="films", blank=True)
    people = models.ManyToManyField(Person, through="Credit", related_name="films")
    rating = models.DecimalField(
        max_digits=3,
        decimal_places=1,
        validators=[MinValueValidator(Decimal(0)), MaxValueValidator(MAX_RATING)],
        help_text="From 0 to 10.",
    )
    poster = models.ImageField(upload_to=poster_path, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    search = search_column("title")

    class Meta:
        # One for each ordering of the API, read in both directions; the id makes each place in it unique.
        indexes = (
            models.Index(fields=["year", "id"], name="film_by_year"),
            models.Index(fields=["rating", "id"], name="film_by_rating"),
            models.Index(fields=["title", "id"], name="film_by_title"),
            GinIndex(fields=["search"], name="film_search"),
        )
        constraints = (
            # Validators guard forms and the API alone; these hold for every writer.
            models.CheckConstraint(
                condition=models.Q(rating__gte=0, rating__lte=MAX_RATING), name="film_rating_in_range"
            ),
            models.CheckConstraint(
                condition=models.Q(year__gte=FIRST_YEAR, year__lte=LAST_YEAR), name="film_year_in_range"
            ),
        )

    def __str__(self) -> str:
        return f"{self.title} ({self.year})"


class Credit(models.Model):
    class Role(models.TextChoices):
        DIRECTOR = "director"
        CAST = "cast"

    film = models.ForeignKey(Film, models.CASCADE, related_name="credits")
    # Nobody is taken out of films by being deleted.
    person = models.ForeignKey(Person, models.PROTECT, related_name="credits")
    role = models.CharField(max_length=8, choices=Role)
    position = models.PositiveSmallIntegerField(help_text="Among those of the same role.")

    class Meta:
        ordering = ("role", "position")
        constraints = (
            models.UniqueConstraint(fields=["film", "role", "person"], name="credit_once_in_a_role"),
        )

    def __str__(self) -> str:
        return f"{self.person} ({self.role})"


class ImportedLine(models.Model):
    """A line of the file that is being imported; see movies.importing."""

    line = models.BigIntegerField(primary_key=True)
    external_id = models.CharField(max_length=12)
    title = models.CharField(max_length=200)
    year = models.PositiveSmallIntegerField()
    rating = models.DecimalField(max_digits=3, decimal_places=1)
    # Names, as the file has them; null if it says nothing.
    genres = models.TextField()
    directors = models.TextField(null=True)  # noqa: DJ001 -- "" is nobody
    cast = models.TextField(null=True)  # noqa: DJ001

    class Meta:
        # Nobody edits them.
        default_permissions = ()
        indexes = (models.Index(fields=["external_id"], name="imported_line_by_external_id"),)

    def __str__(self) -> str:
        return f"{self.line}: {self.title}"
