"""Makes the first superuser; a user who is there already stays as they are, password included."""

from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand

from config.environment import required, secret


class Command(BaseCommand):
    help = "Create the superuser DJANGO_ADMIN_USERNAME, unless a user of that name exists."

    def handle(self, **_options: Any) -> None:
        username = required("DJANGO_ADMIN_USERNAME")
        if User.objects.filter(username=username).exists():
            self.stdout.write(f'unchanged: a user named "{username}" exists')
            return
        User.objects.create_superuser(username, password=secret("DJANGO_ADMIN_PASSWORD_FILE"))
        self.stdout.write(f'created the superuser "{username}"')
