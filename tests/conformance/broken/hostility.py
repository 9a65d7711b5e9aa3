"""Broken providers to come: hostility."""

BROKEN = ()
