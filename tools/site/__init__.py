"""The documentation site: the pages that are made of the code and the zoo.

`mkdocs.yml` names `hooks.py`, which calls the other modules.
"""
