"""A route that is driven once becomes a feed."""
