"""A small bookshop: project and application in one."""
