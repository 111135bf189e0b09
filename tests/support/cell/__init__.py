"""A cell under load: an area of any size, its devices as real MQTT clients at their own pace, and what they cost."""
