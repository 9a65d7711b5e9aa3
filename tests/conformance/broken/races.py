"""Broken providers to come: races."""

BROKEN = ()
