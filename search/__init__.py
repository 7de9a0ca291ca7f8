"""Hyperparameter search: Keras Tuner's oracles propose settings, the Trainer runs trials.

The main process holds the oracle and writes its journal. Trials run one after another in
the main process, or in worker processes.
"""
