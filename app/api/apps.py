from django.apps import AppConfig


class ApiConfig(AppConfig):
    """The API's machinery, whatever it is an API of."""

    name = "api"
    # Databases know this app by its former name: applied migrations, content types and the table say "core".
    label = "core"

    def ready(self) -> None:
        from api import logins  # noqa: F401 -- it connects its receiver
