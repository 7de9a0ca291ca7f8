"""The self-test: do the promises of the README hold on this machine and its devices?

`keraunos doctor --selftest` and `keraunos.selftest()` start here. The package is not called
`selftest`, as importing it would put it where the function of that name is.
"""
