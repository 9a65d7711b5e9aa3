"""SPIFFE IDs, CSR checks and certificate facts; pure: no locks, no sleep, no logs, no I/O."""
