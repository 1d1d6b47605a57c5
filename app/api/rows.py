"""Single rows, by SQL that is made once: Django would make it anew each time, as long as it takes to run."""

from functools import cached_property
from typing import Any

from django.db import connection

MAX_ID = 2**63 - 1


class ByKey:
    """The rows of a queryset of `values()`; as much of it as get_object_or_404 asks for."""

    def __init__(self, queryset: Any) -> None:
        self.model = queryset.model
        self._queryset = queryset

    @cached_property
    def _sql(self) -> tuple[str, tuple[Any, ...]]:
        sql, parameters = self._queryset.order_by().filter(pk=0).query.sql_with_params()
        # The key comes last.
        return sql, parameters[:-1]

    def get(self, pk: Any) -> dict[str, Any]:
        key = int(pk)
        # PostgreSQL would compare a greater one with each row.
        if key <= MAX_ID:
            sql, parameters = self._sql
            with connection.cursor() as cursor:
                cursor.execute(sql, (*parameters, key))
                row = cursor.fetchone()
                if row:
                    names = (column.name for column in cursor.description)
                    return dict(zip(names, row, strict=True))
        raise self.model.DoesNotExist
