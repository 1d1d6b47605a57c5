from django.apps import AppConfig
from django.db.models.signals import post_migrate


class MoviesConfig(AppConfig):
    name = "movies"

    def ready(self) -> None:
        from movies import signals  # its receivers need the models to be loaded

        post_migrate.connect(signals.make_editors, sender=self)
