"""What TensorFlow, JAX and PyTorch need of their own."""
