from functools import partial
from typing import Any

from django.db import transaction
from django.db.models.signals import post_delete
from django.dispatch import receiver

from movies.models import Film


@receiver(post_delete, sender=Film)
def delete_poster(instance: Film, **_kwargs: Any) -> None:
    """A signal, since the admin deletes a selection of films without calling delete() on each."""
    if instance.poster.name:
        transaction.on_commit(partial(instance.poster.storage.delete, instance.poster.name))
