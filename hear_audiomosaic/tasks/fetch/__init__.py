"""Fetching HEAR's own tasks from where they are published: record, download, unpacking."""

from hear_audiomosaic.tasks.fetch.fetch import FetchOptions, FetchRow, fetch_plan, fetch_tasks

__all__ = ["FetchOptions", "FetchRow", "fetch_plan", "fetch_tasks"]
