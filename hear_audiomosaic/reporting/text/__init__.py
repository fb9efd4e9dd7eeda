"""Words and numbers that all formats share: the methods paragraph, references, number formats."""
