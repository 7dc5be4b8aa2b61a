"""Compare a published OpenAPI document with `streaming.yaml`."""
