from django.apps import AppConfig
from django.contrib.staticfiles import apps as staticfiles


class CoreConfig(AppConfig):
    """What any project on this stack needs: health checks and start-up commands."""

    name = "core"

    def ready(self) -> None:
        from core import request_id, throttling  # noqa: F401 -- they connect their receivers


class StaticFilesConfig(staticfiles.StaticFilesConfig):
    # One of two programs that show the API's description, and not the one that is used.
    ignore_patterns = (*staticfiles.StaticFilesConfig.ignore_patterns, "redoc")
