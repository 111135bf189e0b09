"""Drives by which a route is taught, with what is true of them."""
