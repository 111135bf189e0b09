"""What passengers' software knows of buses, said of trucks: GTFS-Realtime, made from the picture and the plan."""
