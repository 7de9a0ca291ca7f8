"""Many runs: Keras Tuner's oracles choose settings, the Trainer tries them.

The process that was started holds the oracle and writes down what it said; trials run
there one after the other, or in worker processes.
"""
