"""A certificate authority framework for meshes: contract, server, agent and command line."""
