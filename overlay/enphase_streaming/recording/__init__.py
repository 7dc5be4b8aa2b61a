"""Recordings of what a stream received, with identifying values and secrets replaced."""
