"""JSON on the wire: Consul's names, and nothing but values."""
