"""Markdown, in GitHub's dialect."""
