"""Search on several machines: a chief distributes trials to workers."""
