"""python -m gvlab."""

from gvlab.cli import main

if __name__ == "__main__":
    main()
