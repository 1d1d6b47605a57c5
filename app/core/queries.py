"""Query strings: every parameter has a type, and one that nobody knows is an error."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request

from core.problems import InvalidQuery


class Query(serializers.Serializer[Any]):
    """The parameters of a view; this one has none."""

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse what a typing error would otherwise have ignored."""
        unknown = sorted(set(self.initial_data) - set(self.fields))
        if unknown:
            known = ", ".join(self.fields) or "none"
            raise serializers.ValidationError(
                {name: [f"No such parameter. Those known: {known}."] for name in unknown}, code="unknown"
            )
        return attrs


class PageQuery(Query):
    # One with 200 characters outside of Unicode's first plane has 3288.
    cursor = serializers.CharField(
        required=False, max_length=4000, help_text="Taken from the links `next` and `previous`."
    )
    page_size = serializers.IntegerField(required=False, min_value=1, max_value=100)


def read_query(request: Request, query_class: type[Query]) -> dict[str, Any]:
    """The parameters of a request by the type that they should have.

    Raises:
        InvalidQuery: One has not, or is not known.
    """
    given = request.query_params
    if not given:
        return {}
    fields = query_class().fields
    query = query_class(
        data={
            name: given.getlist(name) if isinstance(fields.get(name), serializers.ListField) else given[name]
            for name in given
        }
    )
    if not query.is_valid():
        raise InvalidQuery(query.errors)
    return dict(query.validated_data)
