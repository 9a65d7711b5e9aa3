"""Broken providers to come: signers."""

BROKEN = ()
