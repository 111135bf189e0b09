"""A route driven once, and the line with its stops, its stays and its times that comes of it; pure."""
