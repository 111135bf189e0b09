"""The virtual hardware in the browser: buttons, lights, lamps, bins and faults of a live run, in a tester's hands."""
