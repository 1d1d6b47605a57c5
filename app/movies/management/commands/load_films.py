"""Gives an empty database some films to look at."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from movies.samples import load_samples

DATA = Path(__file__).parents[2] / "data" / "films.json"


class Command(BaseCommand):
    help = "Load the films of movies/data/films.json, unless there is a film already."

    def handle(self, **_options: Any) -> None:
        if loaded := load_samples(json.loads(DATA.read_text())):
            self.stdout.write(f"loaded {loaded} films")
        else:
            self.stdout.write("unchanged: there are films already")
