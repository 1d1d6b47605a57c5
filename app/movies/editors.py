"""The group of those who write films, genres and people."""

from typing import Any

from django.contrib.auth.models import Group, Permission
from django.db import transaction


def make_editors(using: str, **_kwargs: Any) -> None:
    """Once: what is given to the group or taken from it later stays so."""
    # With what it may do, or not at all: one without, that a kill has left, would stay so, too.
    with transaction.atomic(using=using):
        group, made = Group.objects.using(using).get_or_create(name="editors")
        if made:
            models = ("film", "genre", "person")
            codenames = [
                f"{action}_{model}" for action in ("add", "change", "delete", "view") for model in models
            ]
            permissions = Permission.objects.using(using).filter(content_type__app_label="movies")
            group.permissions.set(permissions.filter(codename__in=codenames))
