"""Where a scenario plays, by kind of place: made up, of a feed, of a real timetable, or recorded."""
