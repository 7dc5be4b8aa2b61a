"""Access tokens: OAuth grants, renewal, and where tokens are stored."""
