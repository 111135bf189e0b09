"""A city on one machine: cells with their own broker, bridge, record and plan, and one PostgreSQL."""
