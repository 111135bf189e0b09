"""One run as one page: who did what when, what was expected, and why each expectation held or failed."""
