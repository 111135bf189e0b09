"""Real trucks' computers and real boards in the place of a live run's own: heard over MQTT, touched by a person."""
