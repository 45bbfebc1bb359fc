/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit/plugins/nothing.c - a shared object that is no plugin.
 */
extern const int nothing;
const int nothing = 1;
