"""Broken providers to come: writes."""

BROKEN = ()
