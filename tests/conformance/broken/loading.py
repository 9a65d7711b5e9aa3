"""Broken providers to come: loading."""

BROKEN = ()
