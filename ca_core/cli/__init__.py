"""The command line; every command lives in a module that is imported only when it runs."""
