/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit/plugins/undefined.c - calls a function that exists nowhere.
 */
int nowhere_to_be_found(void);
int mortise_plugin_v1(void);

__attribute__((visibility("default"))) int mortise_plugin_v1(void)
{
	return nowhere_to_be_found();
}
