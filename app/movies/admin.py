from typing import Any, ClassVar

from django.contrib import admin
from django.db import models

from movies.models import Credit, Film, Genre, Person
from movies.posters import validate_poster


class CreditInline(admin.TabularInline):
    model = Credit
    extra = 0
    # A list to choose from would have everybody in it.
    autocomplete_fields = ("person",)


@admin.register(Film)
class FilmAdmin(admin.ModelAdmin):
    list_display = ("title", "year", "rating")
    list_filter = ("genres",)
    search_fields = ("title",)
    ordering = ("title", "year")
    filter_horizontal = ("genres",)
    inlines = (CreditInline,)
    readonly_fields = ("created_at", "updated_at")
    formfield_overrides: ClassVar[dict[Any, Any]] = {models.ImageField: {"validators": [validate_poster]}}


@admin.register(Genre)
class GenreAdmin(admin.ModelAdmin):
    search_fields = ("name",)


@admin.register(Person)
class PersonAdmin(admin.ModelAdmin):
    list_display = ("name", "external_id")
    search_fields = ("name",)
