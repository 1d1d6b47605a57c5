from typing import Any, ClassVar

from django.contrib import admin
from django.db import models

from movies.models import Film, Genre
from movies.posters import validate_poster


@admin.register(Film)
class FilmAdmin(admin.ModelAdmin):
    list_display = ("title", "year", "rating")
    list_filter = ("genres",)
    search_fields = ("title",)
    ordering = ("title", "year")
    filter_horizontal = ("genres",)
    readonly_fields = ("created_at", "updated_at")
    formfield_overrides: ClassVar[dict[Any, Any]] = {models.ImageField: {"validators": [validate_poster]}}


@admin.register(Genre)
class GenreAdmin(admin.ModelAdmin):
    search_fields = ("name",)
