"""Checks models from untrusted sources before anything of them is loaded.

A module per format reads the model as data, without building it, and rejects all that
could run code, or read or write other files.
"""
