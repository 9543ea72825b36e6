"""The add-ons, one file each, exporting ADDON."""
