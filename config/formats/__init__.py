"""How Django writes values where nothing else says so, such as in the admin: FORMAT_MODULE_PATH."""
