"""The week before the demo's day: played once in virtual time, kept here, put beside the running demo in seconds."""
