"""``python -m ca_core`` is ``ca-core``."""

from ca_core.cli.main import main

if __name__ == "__main__":
    main()
