"""HTTP: requests become principals and values, answers become Consul's bytes."""
