"""What the agent remembers: records with their owners, one inventory, one budget."""
