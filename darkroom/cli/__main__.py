"""`python -m darkroom.cli`: the same as `darkroom`."""

from darkroom.cli.entry import main

if __name__ == "__main__":
    main()
