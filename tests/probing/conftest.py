"""Fixtures of the probing tests."""

from probe_fixtures import event_task, scene_task, tagging_task  # noqa: F401 - fixtures
