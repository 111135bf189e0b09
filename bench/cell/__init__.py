"""One cell: bridge, broker, record and screen under load, and what becomes of rubbish."""
