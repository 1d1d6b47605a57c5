"""Tokens for programs, each of one user: kept as hashes, so each is shown once; they expire."""

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from knox.models import AuthToken

from api.problems import Conflict

MAX_TOKENS = 100


def tokens_of(user: Any) -> "QuerySet[Any]":
    found: QuerySet[Any] = AuthToken.objects.filter(user=user)
    return found


def valid_tokens_of(user: Any) -> "QuerySet[Any]":
    """The oldest first."""
    return tokens_of(user).filter(expiry__gt=timezone.now()).order_by("created")


def issue_token(user: Any) -> Any:
    """Return the row of a new token, whose attribute `token` nobody can read again.

    Raises:
        Conflict: The user has as many as one may have.
    """
    tokens_of(user).filter(expiry__lte=timezone.now()).delete()
    if tokens_of(user).count() >= MAX_TOKENS:
        raise Conflict(f"You have {MAX_TOKENS} tokens: revoke one first.")
    row, token = AuthToken.objects.create(user)
    row.token = token
    return row


def revoke_tokens(tokens: "QuerySet[Any]") -> int:
    """Return how many there were."""
    count: int = tokens.delete()[0]
    return count
