"""What answers a request instead of a stream: the gateway, its checks, and the token endpoint."""
