"""What a room's sensors said, and what follows from it: what waits there, and what a truck took away."""
