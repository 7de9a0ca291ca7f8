"""Models that somebody else made: looked through before anything of theirs is loaded.

For each format there is a file that reads a model as data, without its runtime where that
would build it, and refuses all that could run code, or read or write other files.
"""
