"""How often somebody may try a password: limits by client address and by account.

The limit by account is for many addresses that guess one password together. It must not be a way to keep the
account's owner out: an address from which somebody has lately logged in to the account is not held up by
it. Nor is who has a token or a session, as these bring no password.
"""

import hashlib
import ipaddress
import math
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.signals import user_login_failed
from django.db import connection
from django.dispatch import receiver

from api.throttling import Limit

BY_ADDRESS = Limit("FAILED_LOGINS_PER_MINUTE")
BY_ACCOUNT = Limit("ACCOUNT_FAILED_LOGINS_PER_MINUTE")

DAY = 24 * 3600
# Longer than anybody's holidays.
KNOWN_SECONDS = 90 * DAY
# Who moves about, or knows somebody's password, must not fill the table.
MOST_KNOWN = 100

# Before each password, so all three by one statement. Of a limit that is 0, nothing is more.
LOOK = """
    SELECT
        (SELECT extract(epoch FROM ends_at - clock_timestamp()) FROM core_attempts
         WHERE key = %(by_address)s AND count >= nullif(%(most_by_address)s, 0)),
        (SELECT extract(epoch FROM ends_at - clock_timestamp()) FROM core_attempts
         WHERE key = %(by_account)s AND count >= nullif(%(most_by_account)s, 0)),
        (SELECT extract(epoch FROM ends_at - clock_timestamp()) FROM core_knownaddress
         WHERE account = %(account)s AND address = %(address)s)
"""
REMEMBER = """
    INSERT INTO core_knownaddress (account, address, ends_at)
    VALUES (%(account)s, %(address)s, clock_timestamp() + make_interval(secs => %(seconds)s))
    ON CONFLICT (account, address) DO UPDATE SET ends_at = excluded.ends_at
"""
# Rows that another deletes or renews at this moment are left alone: two must not wait for each other.
FORGET = """
    DELETE FROM core_knownaddress WHERE id IN (
        SELECT id FROM core_knownaddress
        WHERE ends_at <= clock_timestamp() OR id IN (
            SELECT id FROM core_knownaddress WHERE account = %(account)s ORDER BY ends_at DESC OFFSET %(most)s
        )
        FOR UPDATE SKIP LOCKED
    )
"""


@dataclass(frozen=True)
class Attempt:
    """One that is about to be made, as far as it is allowed."""

    account: str
    address: str
    seconds_to_wait: int
    # For so many seconds the address stays known if nobody logs in from it again.
    known_seconds: float

    def succeeded(self) -> None:
        """Remember the address: at once where it is new, and then once a day."""
        if not BY_ACCOUNT.most or self.known_seconds > KNOWN_SECONDS - DAY:
            return
        with connection.cursor() as cursor:
            cursor.execute(
                REMEMBER, {"account": self.account, "address": self.address, "seconds": KNOWN_SECONDS}
            )
            cursor.execute(FORGET, {"account": self.account, "most": MOST_KNOWN})


def look(request: Any, name: str) -> Attempt:
    """Ask whether this client may try a password for that name; count nothing."""
    account, address = account_of(name), client_address(request)
    with connection.cursor() as cursor:
        cursor.execute(
            LOOK,
            {
                "account": account,
                "address": address,
                "by_address": BY_ADDRESS.key(address),
                "by_account": BY_ACCOUNT.key(account),
                "most_by_address": BY_ADDRESS.most,
                "most_by_account": BY_ACCOUNT.most,
            },
        )
        # Of what is over, or was never there, no seconds are left.
        by_address, by_account, known = (max(0, seconds or 0) for seconds in cursor.fetchone())
    seconds = by_address if known else max(by_address, by_account)
    return Attempt(account, address, math.ceil(seconds), known)


@receiver(user_login_failed)
def count_failed_login(credentials: dict[str, str], request: Any = None, **_kwargs: Any) -> None:
    if request is not None:
        BY_ADDRESS.count(client_address(request))
        BY_ACCOUNT.count(account_of(credentials["username"]))


def account_of(name: str) -> str:
    """Return what stands for the account, whether there is one of that name or not: 64 characters."""
    # Of spellings that mean the same, the form has made one; by Basic, only that one finds an account.
    return hashlib.sha256(name.encode()).hexdigest()


def client_address(request: Any) -> str:
    """Return the client's address. nginx replaces what a client itself sends, and nobody else reaches us."""
    said = request.META.get("HTTP_X_FORWARDED_FOR") or request.META.get("REMOTE_ADDR", "")
    try:
        address = ipaddress.ip_address(said)
    except ValueError:
        return "unknown"
    # Of IPv6, everybody has as many as they like within their own network.
    return str(ipaddress.ip_network(f"{said}/64", strict=False)) if address.version == 6 else str(address)
