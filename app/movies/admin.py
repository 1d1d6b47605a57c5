from typing import Any, ClassVar

from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django.utils.html import format_html

from movies import services
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
    fields = (
        "external_id",
        "title",
        "year",
        "genres",
        "rating",
        "poster",
        "preview",
        "created_at",
        "updated_at",
    )
    readonly_fields = ("preview", "created_at", "updated_at")
    formfield_overrides: ClassVar[dict[Any, Any]] = {models.ImageField: {"validators": [validate_poster]}}

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Film]:
        films = super().get_queryset(request)
        # The form writes back what it was not sent, such as a poster that another one replaces meanwhile.
        page = request.resolver_match
        if request.method == "POST" and page and page.url_name == "movies_film_change":
            return films.select_for_update()
        return films

    def save_model(self, request: HttpRequest, obj: Film, form: Any, change: bool) -> None:
        services.save_film(obj)

    def delete_model(self, request: HttpRequest, obj: Film) -> None:
        services.delete_films(Film.objects.filter(pk=obj.pk))

    def delete_queryset(self, request: HttpRequest, queryset: models.QuerySet[Film]) -> None:
        services.delete_films(queryset)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        # They are written one by one: who takes another's place would be there twice until that one has left.
        changed = [row.instance.pk for row in formset.initial_forms if row.has_changed()]
        Credit.objects.filter(pk__in=changed).delete()
        super().save_formset(request, form, formset, change)

    def preview(self, film: Film) -> str:
        if not film.poster:
            return self.get_empty_value_display()
        # Its height as an attribute: the policy that nginx sends forbids styles here.
        return format_html('<img src="{}" alt="{}" height="240">', film.poster.url, film.title)


@admin.register(Genre)
class GenreAdmin(admin.ModelAdmin):
    search_fields = ("name",)


@admin.register(Person)
class PersonAdmin(admin.ModelAdmin):
    list_display = ("name", "external_id")
    search_fields = ("name",)
