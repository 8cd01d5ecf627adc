"""What is measured, each figure against a baseline of the same run."""
