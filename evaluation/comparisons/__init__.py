"""Models on the same images: in pairs, and as one."""
