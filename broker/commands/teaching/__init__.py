"""`python3 -m broker teach`, and what `tools/teach.py` shares with it."""
