"""A network that fails by a plan: what goes wrong with each connection when, and the proxy that does it."""
