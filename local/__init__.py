"""The world on one machine: an AWS, a Globus, and the supervisor of every process."""
