"""Broken providers to come: revocation."""

BROKEN = ()
