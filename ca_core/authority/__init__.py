"""Authorities: finding providers, guarding them, keeping what they made, signing under it."""
