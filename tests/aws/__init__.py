"""Tests of everything that touches AWS."""
