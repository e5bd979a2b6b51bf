"""Parts of the load scenarios; run.py beside this folder is the entry."""
