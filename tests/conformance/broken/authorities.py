"""Broken providers to come: authorities."""

BROKEN = ()
