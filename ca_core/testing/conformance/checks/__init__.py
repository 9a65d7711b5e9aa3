"""The checks, one module for each area; each has a ``CHECKS`` of its own."""
