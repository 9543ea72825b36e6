"""The program: settings in, platform out."""
