"""Trained models: find, download, load and save them."""
