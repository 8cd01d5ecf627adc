"""The stack on AWS: the template, what an instance installs, and the commands that deploy it."""
