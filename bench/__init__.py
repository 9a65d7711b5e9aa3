"""Benchmarks, each runnable by name: ``python -m bench sign``; ``make bench`` runs them all."""
