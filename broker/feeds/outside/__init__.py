"""Messages to people outside: what is said (`news.py`), what waits (`outbox.py`), when it is tried (`tries.py`), by
which way it goes (`webhook.py`, `daily_file.py`), and the threads around it (`receivers.py`, `sender.py`).
"""
