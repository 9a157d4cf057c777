"""The command `msrnn`."""
