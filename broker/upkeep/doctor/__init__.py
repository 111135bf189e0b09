"""What is wrong with an office, or will be soon, and what to do next about each thing.

`looking` gathers sights, `judging` makes findings of them without any I/O, `words/` says them in both languages.
"""
