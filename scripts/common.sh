# SPDX-License-Identifier: Apache-2.0
# What the scripts of this directory share: words on the terminal, root's rights, the cache, the machine's Debian mirror.
# shellcheck shell=sh disable=SC2034

top=$(cd "$(dirname "$0")/.." && pwd)
: "${HOME:=$(getent passwd "$(id -u)" | cut -d: -f6)}"
cache=${XDG_CACHE_HOME:-$HOME/.cache}/mortise
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

if [ -t 1 ] && [ "${TERM:-dumb}" != dumb ] && [ -z "${NO_COLOR:-}" ]; then
	bold=$(printf '\033[1m') dim=$(printf '\033[2m') red=$(printf '\033[31m') green=$(printf '\033[32m')
	plain=$(printf '\033[0m')
else
	bold='' dim='' red='' green='' plain=''
fi
# apt draws its progress on a terminal only.
quiet=-q
[ ! -t 1 ] || quiet=

step() { printf '%s==> %s%s\n' "$bold" "$*" "$plain"; }
die() {
	printf '%s: %s%s%s\n' "${0##*/}" "$red" "$*" "$plain" >&2
	exit 1
}

# Runs a command as root: directly, or through sudo.
as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		die "root's rights are needed for '$*': run this as root, or install sudo"
	fi
}

# usage FILE: prints the comment block at the top of a script, which is its help.
usage() { sed -n '3,/^[^#]/s/^# \{0,1\}//p' "$1"; }

# mirror debian|security: the URI of that Debian archive, as this machine's own apt configuration names it.
# An entry is known by its Release file (origin) where apt has fetched one, else by its suite's name alone.
mirror() {
	suffix=
	case $1 in
	debian)
		if [ -n "${MORTISE_MIRROR:-}" ]; then
			echo "${MORTISE_MIRROR%/}"
			return
		fi
		;;
	security) suffix=-security ;;
	esac
	# shellcheck disable=SC1091
	codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
	# shellcheck disable=SC2016
	uri=$(apt-get indextargets --format '$(CREATED_BY)|$(ORIGIN)|$(RELEASE)|$(REPO_URI)' 2>/dev/null |
		awk -F'|' -v release="^($codename|(old)*stable)$suffix\$" '
			$1 == "Packages" && $3 ~ release && ($2 == "Debian" || $2 == "" || $2 == "$(ORIGIN)") { print $4; exit }')
	[ -n "$uri" ] || return 1
	echo "${uri%/}"
}

# build_in DIRECTORY CONFIGURE-OPTION...: configures (once for the same options) and builds out of tree.
build_in() {
	directory=$1
	shift
	step "Building in ${directory#"$top"/}"
	mkdir -p "$directory"
	[ -x "$top/configure" ] || "$top/autogen.sh"
	if [ ! -f "$directory/Makefile" ] || [ "$(cat "$directory/options" 2>/dev/null)" != "$*" ]; then
		(cd "$directory" && "$top/configure" --quiet "$@")
		echo "$*" >"$directory/options"
	fi
	make -C "$directory" -j"$(nproc)" --no-print-directory
}
