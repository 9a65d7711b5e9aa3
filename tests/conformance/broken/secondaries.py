"""Broken providers to come: secondaries."""

BROKEN = ()
