"""Bookings for renovation waste, pure: `(what is booked, what is asked, now) -> what is otherwise`."""
