"""What GAS promises, checked."""
