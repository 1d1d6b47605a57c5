"""Runs the parts of the proof. Started by bin/test, which says more."""
