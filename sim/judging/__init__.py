"""Expectations: pure functions of the evidence; each can fail, and fails too when there was nothing to judge."""
