from django.apps import AppConfig


class CoreConfig(AppConfig):
    """What any project on this stack needs: health checks and start-up commands."""

    name = "core"

    def ready(self) -> None:
        from core import request_id, throttling  # noqa: F401 -- they connect their receivers
