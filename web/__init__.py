"""The site: HTTP, sessions and pages; Globus identifies people, `aws` does all else."""
