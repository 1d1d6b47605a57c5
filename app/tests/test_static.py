import re
import stat
from pathlib import Path

from django.test import Client

HASHED = r"/static/static/(admin/css/base\.[0-9a-f]{12}\.css)"


def test_admin_links_to_hashed_files(client: Client, db: None, collected_static: Path) -> None:
    page = client.get("/admin/login/")

    link = re.search(HASHED, page.text)
    assert link
    assert stat.S_IMODE((collected_static / link[1]).stat().st_mode) == 0o644
    assert stat.S_IMODE((collected_static / "admin").stat().st_mode) == 0o755
