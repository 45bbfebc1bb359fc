# SPDX-License-Identifier: Apache-2.0
# What a plugin's author sees: an installed tree and its documentation.

SDK_TESTS = tests/sdk/guide.py
if !SANITIZE
TESTS += $(SDK_TESTS)
endif

EXTRA_DIST += $(SDK_TESTS) docs/writing-a-plugin.md
