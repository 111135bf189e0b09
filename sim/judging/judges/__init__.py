"""One judge for each expectation, by what it looks at."""
