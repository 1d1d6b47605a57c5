"""What the API's view sets have in common."""

from collections.abc import Sequence
from functools import cache
from typing import Any, TypeVar

from django.db import transaction
from django.db.models import Model
from django.http import HttpResponse
from django.utils.decorators import method_decorator
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from api import conditional
from api.pagination import KeysetPagination
from api.query_parameters import PageParameters, QueryParameters, read_parameters
from api.rows import ByKey

Resource = TypeVar("Resource", bound=Model)


# A row and what hangs on it are locked, compared and written together or not at all.
@method_decorator(transaction.atomic, name="create")
@method_decorator(transaction.atomic, name="_update")
@method_decorator(transaction.atomic, name="destroy")
class ResourceViewSet(GenericViewSet[Resource]):
    """Reads and writes one kind of thing. `queryset` says how it is read, as `values()`."""

    pagination_class = KeysetPagination
    list_parameters: type[QueryParameters] = PageParameters

    def write(self, row: Resource, values: dict[str, Any]) -> Resource:
        """Have a service write a row, new or locked, with the valid values that the client has sent."""
        raise NotImplementedError

    def remove(self, row: Resource) -> None:
        """Have a service delete a locked row."""
        raise NotImplementedError

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        # A method that is none of its own is refused for that.
        if self.action:
            known = self.list_parameters if self.action == "list" else QueryParameters
            self.parameters = read_parameters(request, known)

    @classmethod
    @cache
    def _by_key(cls) -> Any:
        return ByKey(cls.queryset)

    def get_order(self) -> Sequence[str]:
        return ("id",)

    def list(self, _request: Request) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    def retrieve(self, request: Request, pk: str) -> HttpResponse:
        return conditional.respond(request, self._shown(pk))

    def create(self, request: Request) -> HttpResponse:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        pk = self.write(self._model(), serializer.validated_data).pk
        location = request.build_absolute_uri(f"{request.path.rstrip('/')}/{pk}")
        return conditional.respond(request, self._shown(pk), status=201, headers={"Location": location})

    def update(self, request: Request, pk: str) -> HttpResponse:
        return self._update(request, pk, partial=False)

    def partial_update(self, request: Request, pk: str) -> HttpResponse:
        return self._update(request, pk, partial=True)

    def _update(self, request: Request, pk: str, *, partial: bool) -> HttpResponse:
        row = self._locked(request, pk)
        serializer = self.get_serializer(row, data=request.data, partial=partial)
        serializer.is_valid(raise_exception=True)
        self.write(row, serializer.validated_data)
        return conditional.respond(request, self._shown(pk))

    def destroy(self, request: Request, pk: str) -> Response:
        self.remove(self._locked(request, pk))
        return Response(status=204)

    @property
    def _model(self) -> type[Resource]:
        return self.get_queryset().model

    def _shown(self, pk: Any) -> Any:
        return self.get_serializer(get_object_or_404(self._by_key(), pk=pk)).data

    def _locked(self, request: Request, pk: str) -> Resource:
        """What a change writes all columns of: it must not put back what another one has just replaced."""
        rows = self._model._default_manager.select_for_update()
        found: Resource = get_object_or_404(rows, pk=pk)
        if conditional.is_conditional(request):
            conditional.check(request, self._shown(pk))
        return found
