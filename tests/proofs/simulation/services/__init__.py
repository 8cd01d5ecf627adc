"""Lean models of the AWS services that GAS uses, in memory and in simulated time."""
