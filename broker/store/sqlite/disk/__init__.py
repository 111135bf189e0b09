"""What stands on the disk beside the tables: the log, the note, the reserve, and the calls that make them durable."""
