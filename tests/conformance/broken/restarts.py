"""Broken providers to come: restarts."""

BROKEN = ()
