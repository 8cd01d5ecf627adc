"""Collaborators of the routes: Globus, payments, references."""
