"""Every durable step: the only callers of the hands. Steps return words, numbers and identities, never contents."""
