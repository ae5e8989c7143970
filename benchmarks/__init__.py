"""How fast, in how much memory: `manage.py bench`. Every figure is a ratio of two things measured in one run."""
