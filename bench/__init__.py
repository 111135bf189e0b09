"""Measurements, each a ratio within its own run."""

from firmware import environment

environment.end_with_the_reader()
