"""Subcommands of `msrnn` that have a module of their own."""
