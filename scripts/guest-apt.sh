# SPDX-License-Identifier: Apache-2.0
# What scripts/guest and scripts/guest-debian share: apt for the guest's architecture, with lists, cache and sources of its
# own in $work/apt; settings such as a proxy stay the machine's. Needs $debian_arch, $suite and $work.
# shellcheck shell=sh disable=SC2154

guest_apt() {
	command=$1
	shift
	"$command" -o Dir::State="$work/apt" -o Dir::State::status="$work/apt/status" -o Dir::Cache="$work/apt" \
		-o Dir::Etc::SourceList="$work/apt/guest.sources" -o Dir::Etc::SourceParts=/dev/null \
		-o APT::Architecture="$debian_arch" -o APT::Architectures::="$debian_arch" -o APT::Sandbox::User="$(id -un)" \
		-o Acquire::Languages=none "$@"
}

# fetch_list SUITE: a mirror that is being updated may have the archive whole under one of its names only.
fetch_list() {
	cat >"$work/apt/guest.sources" <<-END
		Types: deb
		URIs: $uri
		Suites: $1
		Components: main
		Signed-By: $keyring
	END
	# shellcheck disable=SC2086
	guest_apt apt-get $quiet update --error-on=any || return
	# shellcheck disable=SC2016
	[ "$(guest_apt apt-get indextargets --format '$(CODENAME)' 'Created-By: Packages')" = "$suite" ]
}

# Makes guest_apt know the archive.
fetch_lists() {
	command -v apt-get >/dev/null ||
		die "the guest is made of Debian packages and this machine has no apt: pass --kernel and --initrd of your own"
	[ -r "$keyring" ] || die "$keyring is missing: apt-get install debian-archive-keyring"
	uri=$(mirror debian) || die "no Debian mirror in this machine's apt configuration: set MORTISE_MIRROR to one's URI"

	mkdir -p "$work/apt/lists/partial" "$work/apt/archives/partial"
	: >"$work/apt/status"
	step "Fetching the list of Debian 13's $debian_arch packages"
	fetch_list "$suite" || fetch_list "$alias" || die "the list could not be fetched (see above). Offline? The first run" \
		"needs the Debian mirror; MORTISE_MIRROR=URI names another one. NO_PUBKEY means that $keyring is older than" \
		"Debian 13: apt-get install debian-archive-keyring, from bookworm-updates"
}
