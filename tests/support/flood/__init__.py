"""One device's account that floods, and whoever else presses a button meanwhile."""
