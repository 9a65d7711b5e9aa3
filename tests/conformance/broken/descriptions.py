"""Broken providers to come: descriptions."""

BROKEN = ()
