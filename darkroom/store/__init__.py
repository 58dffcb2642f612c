"""All SQL: what is kept, and the only statements that change it."""
