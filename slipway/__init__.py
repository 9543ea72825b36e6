"""The toolkit around the program."""
