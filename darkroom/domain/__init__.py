"""The vocabulary and the rules, pure: no clock, no database, no network."""
