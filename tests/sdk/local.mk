# SPDX-License-Identifier: Apache-2.0
# What a plugin's author sees: an installed tree and its documentation.

SDK_TESTS = tests/sdk/abi.py tests/sdk/checker.py tests/sdk/foreign.py tests/sdk/guide.py tests/sdk/projects.py
if !SANITIZE
TESTS += $(SDK_TESTS)
endif

EXTRA_DIST += $(SDK_TESTS) tests/bad-plugins tests/sdk/abi/minor-0.abi tests/sdk/abi/minor-1.abi tests/sdk/workshop.py tests/sdk/foreign/dice.cc \
	tests/sdk/foreign/rust/Cargo.lock tests/sdk/foreign/rust/Cargo.toml tests/sdk/foreign/rust/src/abi.rs \
	tests/sdk/foreign/rust/src/lib.rs docs/writing-a-backend.md docs/writing-a-plugin.md
