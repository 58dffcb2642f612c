"""Catalogs: a recipe beside a table, and the nights that bring its images up to date."""
