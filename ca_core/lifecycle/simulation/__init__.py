"""The flight simulator: a change of who signs on a virtual clock, decided by the code that runs."""
