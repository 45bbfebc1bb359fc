# SPDX-License-Identifier: Apache-2.0
"""Drives a real mortise for the tests: VM (a process and its guest), QMP (a client), tap (the report), images (files)."""
