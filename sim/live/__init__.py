"""The same scenario on real MQTT with real processes, pseudo-terminals, mock pins and an accelerated clock."""
