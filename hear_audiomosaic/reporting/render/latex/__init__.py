"""LaTeX that needs the package booktabs and nothing else."""
