"""Counts the small breaks of a module that its unit tests notice. Started by bin/mutate, which says more."""
