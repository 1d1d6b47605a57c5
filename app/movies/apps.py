from django.apps import AppConfig
from django.db.models.signals import post_migrate


class MoviesConfig(AppConfig):
    name = "movies"

    def ready(self) -> None:
        from movies.editors import make_editors  # it needs the models to be loaded

        # After each migrate, as Django itself makes the permissions that the group is given.
        post_migrate.connect(make_editors, sender=self)
