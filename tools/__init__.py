"""How the project is installed, run and shown on one machine."""
