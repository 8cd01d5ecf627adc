"""The rows of the two tables: their states, the steps between them, and their writes."""
