"""Make and unpack bundles, for bin/bundle and bin/deploy."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from bundle import BundleError, digest, pack, unpack, variables


def main() -> None:
    """Read the command line and do what it says."""
    parser = argparse.ArgumentParser(prog="python -m bundle", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser(
        "pack", help="write files and folders into a bundle, and print its checksum"
    )
    command.add_argument("bundle", type=Path)
    command.add_argument("sources", nargs="+", metavar="NAME=PATH")
    command = commands.add_parser(
        "unpack", help="unpack a bundle, and print the variables with which it is used"
    )
    command.add_argument("bundle", type=Path)
    command.add_argument("cache", type=Path)
    options = parser.parse_args()
    try:
        if options.command == "pack":
            pairs = (source.partition("=") for source in options.sources)
            pack({name: Path(path) for name, _, path in pairs}, options.bundle)
            print(f"{digest(options.bundle)}  {options.bundle}")
        else:
            print(json.dumps(variables(unpack(options.bundle, options.cache).resolve())))
    except BundleError as error:
        sys.exit(str(error))
    except OSError as error:
        sys.exit(f"{error.filename}: {error.strerror}")


if __name__ == "__main__":
    main()
