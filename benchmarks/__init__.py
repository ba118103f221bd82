"""How fast one circuit of associative memory runs here and elsewhere."""
