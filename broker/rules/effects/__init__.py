"""What a decision asks of its shell: effects, the records and messages they carry, and what a person should look at."""
