"""Services and checks that programs of this host registered with its agent."""
