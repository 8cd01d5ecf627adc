"""Recognises files for the site and the annotator; imports nothing of theirs."""
