/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - nothing but the order of start and stop.
 */
int main(void)
{
	return 0;
}
