"""The picture of a redeploy is drawn from counts alone."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

from plot import main

SPACE = "{http://www.w3.org/2000/svg}"


def test_what_was_counted_is_drawn(tmp_path: Path) -> None:
    slices = [[20, 0]] * 50 + [[0, 7]] * 10 + [[20, 0]] * 40
    data = {"recreate": slices, "redeploy": [[20, 0]] * 100}
    (tmp_path / "data.json").write_text(
        json.dumps({name: {"before": 5.0, "width": 0.1, "slices": counted} for name, counted in data.items()})
    )

    main(tmp_path / "data.json", tmp_path / "picture.svg")

    drawn = ElementTree.parse(tmp_path / "picture.svg").getroot()
    texts = [text.text for text in drawn.iter(f"{SPACE}text")]
    assert "1,800 answered, 70 failed" in texts
    assert "2,000 answered, 0 failed" in texts
    bars = {
        kind: [
            path.get("d", "").count("M") for path in drawn.iter(f"{SPACE}path") if path.get("class") == kind
        ]
        for kind in ("answered", "failed")
    }
    assert bars == {"answered": [90, 100], "failed": [10, 0]}
