"""The EC2 instance that a daemon runs on: its metadata, its protection, and systemd."""
