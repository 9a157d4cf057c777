"""Make a preset of the zoo from a finished run."""
