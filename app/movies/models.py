from decimal import Decimal
from functools import partial
from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models, transaction

from movies.posters import poster_path

# The year of the oldest film that survives.
FIRST_YEAR = 1888
LAST_YEAR = 2100
MAX_RATING = Decimal(10)


class Genre(models.Model):
    name = models.CharField(max_length=50, unique=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class Film(models.Model):
    title = models.CharField(max_length=200)
    year = models.PositiveSmallIntegerField(
        validators=[MinValueValidator(FIRST_YEAR), MaxValueValidator(LAST_YEAR)]
    )
    genres = models.ManyToManyField(Genre, related_name="films", blank=True)
    rating = models.DecimalField(
        max_digits=3,
        decimal_places=1,
        validators=[MinValueValidator(Decimal(0)), MaxValueValidator(MAX_RATING)],
        help_text="From 0 to 10.",
    )
    poster = models.ImageField(upload_to=poster_path, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
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

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Also removes the poster that this one replaces, once the change is certain."""
        with transaction.atomic():
            films = Film.objects.select_for_update().filter(pk=self.pk)
            before = films.values_list("poster", flat=True).first()
            super().save(*args, **kwargs)
            if before and before != self.poster.name:
                transaction.on_commit(partial(self.poster.storage.delete, before))
