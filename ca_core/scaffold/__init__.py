"""New provider distributions: a name that is free, and a folder that works at once.

The files lie in ``templates``: ``common`` for every one, and a folder for each template.
"""
