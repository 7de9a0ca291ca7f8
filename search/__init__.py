"""Hyperparameter search: Keras Tuner's oracles propose settings, the Trainer tries them.

The main process holds the oracle and keeps its journal. Trials run in it one after another,
or in worker processes.
"""
