"""Begins a first deploy to Debian 12 and kills it before the engine is installed: half of it is done."""

from __future__ import annotations

from scenario import PLAYBOOKS

PLAYBOOKS.killed_at("docker : Install the packages", "--limit=debian12")
