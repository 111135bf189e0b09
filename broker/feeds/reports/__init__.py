"""The reports that make themselves after midnight: files in a folder, and a message to people outside."""
