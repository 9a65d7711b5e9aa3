"""Broken providers to come: timing."""

BROKEN = ()
