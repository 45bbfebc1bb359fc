#!/bin/sh
# Tests a build of the plugin, given as its file: what it says of itself, then how it behaves, without a guest.
# CHECK_OPTIONS=--quick makes it a matter of seconds.
set -eu
file=${1:?usage: check.sh FILE.so}
directory=$(cd "$(dirname "$file")" && pwd)

# The loader takes nothing that others could have written.
chmod go-w "$directory" "$file"
mortise -plugin-dir "$directory" -device @NAME@,help
# shellcheck disable=SC2086
mortise-plugin-check ${CHECK_OPTIONS:-} "$file"
