"""A receiver's own log as the positions of a drive."""
