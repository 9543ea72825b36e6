"""Facts about AWS as data files with typed look-ups; see docs/concepts/catalogue.md."""
