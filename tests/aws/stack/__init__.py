"""Tests of the stack: the template, deployments, and an instance from its boot to its stop."""
