"""A certificate authority framework for service meshes: contract, server, agent and command line."""
