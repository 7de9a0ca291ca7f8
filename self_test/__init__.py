"""Self-test of the README's promises on this machine and its devices.

`keraunos doctor --selftest` and `keraunos.selftest()` start here. The package is not called
`selftest` because importing it would hide the function of that name.
"""
