"""Compares what is published about the streaming operation with `streaming.yaml`."""
