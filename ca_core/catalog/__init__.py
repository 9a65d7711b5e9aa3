"""Who runs where, and how well: what agents registered, and the views that others have of it."""
