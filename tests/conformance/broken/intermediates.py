"""Broken providers to come: intermediates."""

BROKEN = ()
