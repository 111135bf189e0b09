"""What the bridge tells people and programs that are no devices of its own."""
