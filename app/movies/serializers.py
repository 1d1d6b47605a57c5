from typing import Any, ClassVar

from rest_framework import serializers

from movies.models import Film, Genre
from movies.posters import validate_poster


class FilmSerializer(serializers.ModelSerializer[Film]):
    genres = serializers.SlugRelatedField(
        slug_field="name", many=True, queryset=Genre.objects.all(), required=False
    )

    class Meta:
        model = Film
        fields = ("id", "title", "year", "genres", "rating", "poster", "created_at", "updated_at")
        # null removes a poster.
        extra_kwargs: ClassVar[dict[str, Any]] = {
            "poster": {"validators": [validate_poster], "allow_null": True}
        }
