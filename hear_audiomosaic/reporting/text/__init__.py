"""Sentences and number formats that all formats share: captions, methods, references."""
