"""Access tokens: OAuth grants, renewal, and token stores."""
