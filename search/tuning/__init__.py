"""The code that depends on Keras Tuner: oracles, spaces, and their TensorBoard files."""
