"""Who may talk to whom: intentions, the index that decides by them, and why it decided so."""
