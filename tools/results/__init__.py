"""Make `docs/results.md` and its pictures of the presets of the zoo."""
