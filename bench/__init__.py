"""Measures the deployed stack against what one would have without it: bin/bench."""
