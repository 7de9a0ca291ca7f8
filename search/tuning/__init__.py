"""All that leans on Keras Tuner: oracles, spaces, and what TensorBoard shows of them."""
