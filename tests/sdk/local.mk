# SPDX-License-Identifier: Apache-2.0
# What a plugin's author sees: an installed tree and its documentation.

SDK_TESTS = tests/sdk/abi.py tests/sdk/guide.py
if !SANITIZE
TESTS += $(SDK_TESTS)
endif

EXTRA_DIST += $(SDK_TESTS) tests/sdk/abi/minor-0.abi docs/writing-a-plugin.md
