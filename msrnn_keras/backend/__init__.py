"""Code that TensorFlow, JAX and PyTorch need."""
