"""Makes the first superuser. Where there is one already, everybody stays as they are, passwords included.

So somebody who renames the first superuser, or deletes it after making another, does not get it back.
"""

import sys
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from config.environment import required


class Command(BaseCommand):
    help = (
        "Create the superuser DJANGO_ADMIN_USERNAME, with a password from standard input, if there is none."
    )

    def handle(self, **_options: Any) -> None:
        username = required("DJANGO_ADMIN_USERNAME")
        if User.objects.filter(is_superuser=True).exists():
            self.stdout.write("unchanged: there is a superuser")
            return
        if User.objects.filter(username=username).exists():
            raise CommandError(
                f'nobody is a superuser, and "{username}" is somebody else: set DJANGO_ADMIN_USERNAME to'
                " another name"
            )
        # On standard input and not in a file: what serves has no need to know it.
        password = sys.stdin.readline().rstrip("\n")
        if not password:
            raise CommandError(
                "there is no superuser, and no password on standard input: send one for the first"
            )
        User.objects.create_superuser(username, password=password)
        self.stdout.write(f'created the superuser "{username}"')
