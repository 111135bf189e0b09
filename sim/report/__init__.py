"""What a run came to, printed or as a page: who did what when, and why each expectation held or failed."""
