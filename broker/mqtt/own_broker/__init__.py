"""The broker that the bridge runs itself, who may speak there, and who looks after it."""
