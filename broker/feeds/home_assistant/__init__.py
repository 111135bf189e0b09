"""Each bin room as a device of Home Assistant, by MQTT discovery: topics of its own, beside the wire's."""
