"""One file a format: Markdown, LaTeX, CSV and the HTML page."""
