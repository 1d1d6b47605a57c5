from django.apps import AppConfig
from django.contrib.staticfiles import apps as staticfiles


class RuntimeConfig(AppConfig):
    """What a deploy asks of any project: health pages, commands for its start, logs, files that last."""

    name = "runtime"
    # Of the two in this file, the one that INSTALLED_APPS means by "runtime".
    default = True

    def ready(self) -> None:
        from runtime import request_id  # noqa: F401 -- it connects its receivers


class StaticFilesConfig(staticfiles.StaticFilesConfig):
    """Takes the place of Django's own in INSTALLED_APPS."""

    default = False
    # One of two programs that show the API's description, and not the one that is used.
    ignore_patterns = (*staticfiles.StaticFilesConfig.ignore_patterns, "redoc")
