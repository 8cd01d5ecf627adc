"""The site: HTTP, sessions and pages; it asks Globus who somebody is and `aws` for all else."""
