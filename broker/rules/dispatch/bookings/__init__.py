"""Bookings in the day: what people do with them, the runs that are made for them, and how they follow their truck."""
