"""Cases for the bin-room firmware that both Pythons run: plain functions `case_...`, no pytest, no typing."""
