"""The agent: answers from memory, renews what it holds, and speaks for one node to the servers."""
