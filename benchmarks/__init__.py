"""What is measured, and how: every figure comes with the machine, the commit and the command."""
