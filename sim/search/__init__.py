"""Looking for a run in which something does not hold that always holds, and for the shortest of its kind."""
