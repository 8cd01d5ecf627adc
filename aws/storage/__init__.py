"""Bytes in S3 and in the archive, and the keys that they are stored under."""
