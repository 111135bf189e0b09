"""The files of a feed read line by line: each makes rows, or findings of the lines that cannot be right."""
