"""A day to practise on: the simulator in virtual time, the very screen over it, and a score beside what happened."""
