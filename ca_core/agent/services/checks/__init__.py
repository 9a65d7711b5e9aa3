"""How checks are run: one file for each kind, one schedule for all of them."""
