"""The embedded AWS: moto's server, and the behaviour of AWS that moto lacks."""
