"""The check of a whole deployment from outside: `./gas smoke`."""
