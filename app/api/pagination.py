"""Pages that follow a key of the rows, not their number.

REST framework's CursorPagination compares the first field alone and counts through the rows that share it:
of a million films, ten thousand share a year. Here the whole key is compared, which is one step into the
index, and no row that is inserted or deleted meanwhile shifts a page.
"""

from __future__ import annotations  # Field is generic for mypy alone

from collections.abc import Sequence
from typing import Any

from django.core import signing
from django.db import models
from django.db.models import F, Func, Value
from django.db.models.lookups import GreaterThan, LessThan
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from api.problems import InvalidQuery

PAGE_SIZE = 20

# Signed, so that what is in it needs no other check before it goes into SQL. The salt has the package's
# former name: with another, links that clients have kept would be refused.
_signer = signing.Signer(salt="core.pagination")


class Row(Func):
    """Compared with another field by field, until one differs."""

    function = "ROW"
    output_field: models.Field[Any, Any] = models.Field()


class KeysetPagination(BasePagination):
    """Follows the view's `get_order()`: fields of one direction, the last of them unique."""

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        self._address = request.build_absolute_uri()
        self._order: Sequence[str] = view.get_order()
        self._fields = [name.removeprefix("-") for name in self._order]
        size = view.parameters.get("page_size", PAGE_SIZE)
        cursor = view.parameters.get("cursor")
        backwards, key = self._read(cursor) if cursor else (False, None)
        descending = self._order[0].startswith("-") != backwards
        if key:
            rows = Row(*map(F, self._fields)), Row(*map(Value, key))
            queryset = queryset.filter(LessThan(*rows) if descending else GreaterThan(*rows))
        # One more than wanted tells whether there are more.
        found = list(queryset.order_by(*(f"{'-' * descending}{name}" for name in self._fields))[: size + 1])
        more, page = len(found) > size, found[:size]
        if backwards:
            page.reverse()
        # Rows of a page that is empty are gone since: it leads back to where it was asked for.
        first, last = (self._key(page[0]), self._key(page[-1])) if page else (key, key)
        self._next = self._link(last, backwards=False) if more or backwards else None
        self._previous = self._link(first, backwards=True) if (more if backwards else key) else None
        return page

    def _read(self, cursor: str) -> tuple[bool, list[Any]]:
        try:
            order, backwards, key = _signer.unsign_object(cursor)
        except (signing.BadSignature, ValueError) as error:
            raise InvalidQuery({"cursor": ["Not one of ours: take it from `next` or `previous`."]}) from error
        if order != list(self._order):
            raise InvalidQuery({"cursor": ["It belongs to another ordering: begin with the first page."]})
        return backwards, key

    def _key(self, row: dict[str, Any]) -> list[Any]:
        values = [row[name] for name in self._fields]
        return [value if isinstance(value, int) else str(value) for value in values]

    def _link(self, key: list[Any] | None, *, backwards: bool) -> str:
        cursor = _signer.sign_object([self._order, backwards, key])
        return replace_query_param(self._address, "cursor", cursor)

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"next": self._next, "previous": self._previous, "results": data})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": "string", "format": "uri", "nullable": True}
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {"next": link, "previous": link, "results": schema},
        }
