"""Checks to come: restarts."""

from ca_core.testing.conformance.check import Catalogue

CHECKS = Catalogue()
