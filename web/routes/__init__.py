"""The blueprints of the site, one a file."""
