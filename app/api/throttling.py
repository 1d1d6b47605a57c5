"""Limits that hold for all workers together: counted in the database, by one statement that is atomic.

Counting takes 0.2 ms. Reads of the API are not counted: nginx limits each address already.
"""

import math
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import connection
from rest_framework.permissions import SAFE_METHODS
from rest_framework.throttling import BaseThrottle

SECONDS = 60

# The database's clock, as those of workers on several machines differ.
COUNT = """
    INSERT INTO core_attempts AS known (key, count, ends_at)
    VALUES (%(key)s, 1, clock_timestamp() + make_interval(secs => %(seconds)s))
    ON CONFLICT (key) DO UPDATE SET
        count = CASE WHEN known.ends_at <= clock_timestamp() THEN 1 ELSE known.count + 1 END,
        ends_at = CASE WHEN known.ends_at <= clock_timestamp() THEN excluded.ends_at ELSE known.ends_at END
    RETURNING count, extract(epoch FROM ends_at - clock_timestamp())
"""
FORGET = "DELETE FROM core_attempts WHERE ends_at <= clock_timestamp()"


@dataclass(frozen=True)
class Limit:
    """So many in a minute; the setting of that name says how many, and 0 that there is no limit."""

    setting: str

    @property
    def most(self) -> int:
        most: int = getattr(settings, self.setting)
        return most

    def count(self, who: str) -> int:
        """Count one more; return the seconds to wait if that was one too many."""
        if not self.most:
            return 0
        with connection.cursor() as cursor:
            cursor.execute(COUNT, {"key": self.key(who), "seconds": SECONDS})
            count, seconds = cursor.fetchone()
            if count == 1:
                # The first of a minute also takes away what others have left.
                cursor.execute(FORGET)
        return math.ceil(seconds) if count > self.most else 0

    def key(self, who: str) -> str:
        return f"{self.setting} {who}"


TOKENS = Limit("TOKENS_PER_MINUTE")
WRITES = Limit("WRITES_PER_MINUTE")


class WriteThrottle(BaseThrottle):
    """By user, since all of an office may come from one address."""

    def allow_request(self, request: Any, _view: Any) -> bool:
        if request.method in SAFE_METHODS or not request.user.is_authenticated:
            return True
        self._seconds = WRITES.count(str(request.user.pk))
        return not self._seconds

    def wait(self) -> float:
        return self._seconds
