"""Serializers and views as a tutorial has them: what the API shows, in the fewest lines."""

import time
from typing import Any

from django.http import HttpRequest, HttpResponse
from movies.models import Credit, Film
from rest_framework import serializers, viewsets


class FilmSerializer(serializers.ModelSerializer[Film]):
    genres = serializers.SlugRelatedField(many=True, read_only=True, slug_field="name")
    directors = serializers.SerializerMethodField()
    cast = serializers.SerializerMethodField()

    class Meta:
        model = Film
        fields = (
            "id",
            "external_id",
            "title",
            "year",
            "genres",
            "directors",
            "cast",
            "rating",
            "poster",
            "created_at",
            "updated_at",
        )

    def get_directors(self, film: Film) -> list[dict[str, Any]]:
        return credited(film, Credit.Role.DIRECTOR)

    def get_cast(self, film: Film) -> list[dict[str, Any]]:
        return credited(film, Credit.Role.CAST)


def credited(film: Film, role: Credit.Role) -> list[dict[str, Any]]:
    found = film.credits.filter(role=role).select_related("person")
    return [{"id": credit.person.pk, "name": credit.person.name} for credit in found]


class FilmViewSet(viewsets.ModelViewSet[Film]):
    queryset = Film.objects.all()
    serializer_class = FilmSerializer


def slow(_request: HttpRequest) -> HttpResponse:
    time.sleep(0.3)
    return HttpResponse("slow\n", content_type="text/plain")
