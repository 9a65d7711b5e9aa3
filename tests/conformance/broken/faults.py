"""Broken providers to come: faults."""

BROKEN = ()
