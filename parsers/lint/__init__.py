"""What is legal in a rule and still unwise: patterns that may hang, rules that never match, names that ECS has else."""
