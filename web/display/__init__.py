"""Formatting for templates: words, numbers, charts, pages."""
