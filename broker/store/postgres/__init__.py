"""The record in PostgreSQL: several writers, behind the same contract."""
