"""The parameters in an address: each has a type, and one that the view does not know is an error."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request

from api.problems import InvalidQuery


class QueryParameters(serializers.Serializer[Any]):
    """Those of a view; this one has none."""

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse what a typing error would otherwise have ignored."""
        unknown = sorted(set(self.initial_data) - set(self.fields))
        if unknown:
            known = ", ".join(self.fields) or "none"
            raise serializers.ValidationError(
                {name: [f"No such parameter. Those known: {known}."] for name in unknown}, code="unknown"
            )
        return attrs


class PageParameters(QueryParameters):
    # One with 200 characters outside of Unicode's first plane has 3288.
    cursor = serializers.CharField(
        required=False, max_length=4000, help_text="Taken from the links `next` and `previous`."
    )
    page_size = serializers.IntegerField(required=False, min_value=1, max_value=100)


def read_parameters(request: Request, parameters_class: type[QueryParameters]) -> dict[str, Any]:
    """Return the parameters of a request, each as a value of its type.

    Raises:
        InvalidQuery: A value is not of its type, or a parameter is not known.
    """
    given = request.query_params
    if not given:
        return {}
    fields = parameters_class().fields
    parameters = parameters_class(
        data={
            name: given.getlist(name) if isinstance(fields.get(name), serializers.ListField) else given[name]
            for name in given
        }
    )
    if not parameters.is_valid():
        raise InvalidQuery(parameters.errors)
    return dict(parameters.validated_data)
