"""Broken providers to come: rotation."""

BROKEN = ()
