"""The small daemons that mail, archive, restore, thaw and sweep."""
