# SPDX-License-Identifier: Apache-2.0
"""A plugin directory of a test's own, whose files are replaced as a package manager does it."""

import contextlib
import os
import shutil
import tempfile

from .vm import BUILD, VM


def built(name):
    """A plugin that ships (virtio-blk), or one that was built for tests (blk-2)."""
    for directory in ("plugins/.libs", "tests/plugins/.libs"):
        path = os.path.join(BUILD, directory, f"{name}.so")
        if os.path.exists(path):
            return path
    raise FileNotFoundError(f"no plugin {name} was built")


def put(directory, name, source, mode=0o644):
    """Puts the file, or the bytes, into the directory as NAME.so, in the place of what is there."""
    new = os.path.join(directory, f".{name}.new")
    if isinstance(source, bytes):
        with open(new, "wb") as file:
            file.write(source)
    else:
        shutil.copy(source, new)
    os.chmod(new, mode)
    os.rename(new, os.path.join(directory, f"{name}.so"))


@contextlib.contextmanager
def vm_with(*names, options=(), **settings):
    """A VM whose plugin directory, at vm.plugins, has the named plugins in it."""
    with tempfile.TemporaryDirectory(prefix="mortise-plugins.") as plugins:
        for name in names:
            put(plugins, name, built(name))
        with VM(*options, plugin_dir=plugins, **settings) as vm:
            vm.plugins = plugins
            yield vm
