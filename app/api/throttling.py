"""Limits that hold for all workers together: counted in the database, by one statement that is atomic.

Counting takes 0.2 ms, looking 0.14. Reads of the API do neither: nginx limits each address already.
"""

import ipaddress
import math
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth.signals import user_login_failed
from django.db import connection
from django.dispatch import receiver
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
LOOK = """
    SELECT count, extract(epoch FROM ends_at - clock_timestamp()) FROM core_attempts
    WHERE key = %(key)s AND ends_at > clock_timestamp()
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
        count, seconds = self._ask(COUNT, who) or (0, 0)
        if count == 1:
            # The first of a minute also takes away what others have left.
            with connection.cursor() as cursor:
                cursor.execute(FORGET)
        return math.ceil(seconds) if count > self.most else 0

    def wait(self, who: str) -> int:
        """Return the seconds to wait if there is no more to be had; count nothing."""
        if not self.most:
            return 0
        count, seconds = self._ask(LOOK, who) or (0, 0)
        return math.ceil(seconds) if count >= self.most else 0

    def _ask(self, sql: str, who: str) -> tuple[int, float] | None:
        with connection.cursor() as cursor:
            cursor.execute(sql, {"key": f"{self.setting} {who}", "seconds": SECONDS})
            found: tuple[int, float] | None = cursor.fetchone()
            return found


FAILED_LOGINS = Limit("FAILED_LOGINS_PER_MINUTE")
TOKENS = Limit("TOKENS_PER_MINUTE")
WRITES = Limit("WRITES_PER_MINUTE")


def client_address(request: Any) -> str:
    """Return the client's address. nginx replaces what a client itself sends, and nobody else reaches us."""
    said = request.META.get("HTTP_X_FORWARDED_FOR") or request.META.get("REMOTE_ADDR", "")
    try:
        address = ipaddress.ip_address(said)
    except ValueError:
        return "unknown"
    # Of IPv6, everybody has as many as they like within their own network.
    return str(ipaddress.ip_network(f"{said}/64", strict=False)) if address.version == 6 else str(address)


@receiver(user_login_failed)
def count_failed_login(request: Any = None, **_kwargs: Any) -> None:
    if request is not None:
        FAILED_LOGINS.count(client_address(request))


def seconds_to_wait(request: Any) -> int:
    """Return how long this client has to wait before it may log in."""
    return FAILED_LOGINS.wait(client_address(request))


class WriteThrottle(BaseThrottle):
    """By user, since all of an office may come from one address."""

    def allow_request(self, request: Any, _view: Any) -> bool:
        if request.method in SAFE_METHODS or not request.user.is_authenticated:
            return True
        self._seconds = WRITES.count(str(request.user.pk))
        return not self._seconds

    def wait(self) -> float:
        return self._seconds
