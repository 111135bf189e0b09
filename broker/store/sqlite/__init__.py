"""The record in a folder: one SQLite file under TinyDB, a note beside it, past days as plain files."""
