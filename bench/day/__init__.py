"""A day on the street: arrivals, re-planning, rough worlds, the simulator itself."""
