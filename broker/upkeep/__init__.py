"""What keeps an office running over the years: copies of everything that counts, and a look at all of it."""
