"""A city of cells: what each cell pushes into the city's PostgreSQL, and the city's page, which reads nothing else."""
