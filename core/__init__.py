"""The ground floor: errors, names, files. Knows nothing of TensorFlow or training."""
