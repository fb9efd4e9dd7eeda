"""What an encoder's embeddings depend on, one kind of thing a file: sources, packages, files, environment, state."""
