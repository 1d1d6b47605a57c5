"""The settings' environment for tests. A pytest plugin, because the settings are read before conftest.py.

The database's address, POSTGRES_*, comes from the caller.
"""

import atexit
import os
import tempfile
from pathlib import Path

_folder = tempfile.TemporaryDirectory(prefix="django-tests-")
atexit.register(_folder.cleanup)

FOLDER = Path(_folder.name)
SECRET_FILE = FOLDER / "secret"
SECRET_FILE.write_text("made-up, for tests\n")

os.environ |= {
    "DJANGO_SECRET_KEY_FILE": str(SECRET_FILE),
    "DJANGO_ALLOWED_HOSTS": "testserver",
    "DJANGO_STATIC_ROOT": str(FOLDER / "static"),
    "DJANGO_MEDIA_ROOT": str(FOLDER / "media"),
    "DJANGO_STATIC_MANIFEST_DIR": str(FOLDER / "manifest"),
}
