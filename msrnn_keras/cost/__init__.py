"""What a model costs: estimated from its graph, or measured."""
