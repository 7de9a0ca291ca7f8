"""The foundation: errors, names, files. Independent of TensorFlow and training."""
