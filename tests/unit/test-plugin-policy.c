/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit/test-plugin-policy.c - policies: what they allow, where they are wrong, and that loading asks them.
 */
#include "plugin-fixture.h"

#include <stdbool.h>

#include "plugin/plugin.h"
#include "plugin/policy.h"

#define SUM_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define SUM_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static struct policy *make(const char *option)
{
	struct mortise_error err = {0};
	struct policy *policy = NULL;

	if (policy_new(&policy, option, &err) < 0)
		fail_msg("%s", err.message);
	return policy;
}

static void test_rules(void **state)
{
	struct policy *policy = make("inline:allow one;load two " SUM_A " # so far;  allow\ttwo " SUM_B ";;lockdown");
	struct mortise_error err = {0};
	size_t at = 0;

	assert_int_equal(policy_check(policy, "one", SUM_B, NULL), 0);
	assert_int_equal(policy_check(policy, "two", SUM_A, NULL), 0);
	assert_int_equal(policy_check(policy, "two", SUM_B, NULL), 0);
	assert_int_equal(policy_check(policy, "two", "c", &err), -EPERM);
	assert_names(&err, "other contents");
	assert_int_equal(policy_check(policy, "three", SUM_A, &err), -EPERM);
	assert_names(&err, "no plugin of that name");
	assert_true(policy_locks_down(policy));
	assert_string_equal(policy_next_load(policy, &at), "two");
	assert_null(policy_next_load(policy, &at));
	policy_free(policy);

	policy = make("inline:");
	assert_int_equal(policy_check(policy, "one", SUM_A, NULL), -EPERM);
	assert_false(policy_locks_down(policy));
	policy_free(policy);

	policy = make("inline:allow *");
	assert_int_equal(policy_check(policy, "one", SUM_A, NULL), 0);
	policy_free(policy);
}

static void test_capitals(void **state)
{
	struct policy *policy =
		make("inline:allow one AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");

	assert_int_equal(policy_check(policy, "one", SUM_A, NULL), 0);
	policy_free(policy);
}

static void assert_bad(struct plugin_fixture *fixture, const char *text, const char *what)
{
	struct policy *policy = NULL;

	plugin_put(fixture, "policy", text, strlen(text));
	assert_int_equal(policy_new(&policy, plugin_path(fixture, "policy"), &fixture->error), -EINVAL);
	assert_null(policy);
	assert_names(&fixture->error, what);
}

static void test_bad(void **state)
{
	struct plugin_fixture *fixture = *state;
	struct policy *policy = NULL;

	assert_bad(fixture, "allow one\n\nallwo two\n", "policy', line 3: 'allwo' is none of");
	assert_bad(fixture, "# names\nallow\n", "line 2: 'allow' lacks");
	assert_bad(fixture, "allow ../one\n", "line 1: '../one' is no plugin's name");
	assert_bad(fixture, "load *", "line 1: '*' is no plugin's name");
	assert_bad(fixture, "allow * " SUM_A, "line 1: a SHA-256 needs");
	assert_bad(fixture, "allow one abc", "line 1: 'abc' is no SHA-256");
	assert_bad(fixture, "allow one " SUM_A "0", "is no SHA-256");
	assert_bad(fixture, "allow one " SUM_A " two", "line 1: 'two' is one word too many");
	assert_bad(fixture, "lockdown now", "line 1: 'now' is one word too many");
	assert_int_equal(policy_new(&policy, "inline:allow one;nothing", &fixture->error), -EINVAL);
	assert_names(&fixture->error, "statement 2: 'nothing'");
	plugin_put(fixture, "policy", "allow one\0", 10);
	assert_int_equal(policy_new(&policy, plugin_path(fixture, "policy"), &fixture->error), -EINVAL);
	assert_names(&fixture->error, "is not a text");
}

static void test_file(void **state)
{
	struct plugin_fixture *fixture = *state;
	const char text[] = "# what may be\r\nallow one\r\n";
	struct policy *policy = NULL;

	assert_int_equal(policy_new(&policy, plugin_path(fixture, "policy"), &fixture->error), -ENOENT);
	plugin_put(fixture, "policy", text, strlen(text));
	policy = make(plugin_path(fixture, "policy"));
	assert_int_equal(policy_check(policy, "one", SUM_A, NULL), 0);
	policy = policy_free(policy);
	assert_int_equal(chmod(plugin_path(fixture, "policy"), 0664), 0);
	assert_int_equal(policy_new(&policy, plugin_path(fixture, "policy"), &fixture->error), -EPERM);
	assert_names(&fixture->error, "chmod go-w");
	assert_int_equal(policy_new(&policy, fixture->dir, &fixture->error), -EINVAL);
	assert_names(&fixture->error, "not a regular file");
}

static void test_loading(void **state)
{
	struct plugin_fixture *fixture = *state;
	const struct mortise_class *class;
	const struct plugin *plugin;
	struct plugins *plugins;
	char option[128];

	plugin_copy(fixture, "specimen", "specimen.so");
	assert_int_equal(symlink("specimen.so", plugin_path(fixture, "specimen-two.so")), 0);
	assert_int_equal(plugins_new(&plugins, fixture->dir, NULL), 0);
	assert_int_equal(plugins_set_policy(plugins, "inline:allow other", NULL), 0);
	assert_int_equal(plugins_class(plugins, "specimen", &class, &fixture->error), -EPERM);
	assert_names(&fixture->error, "no plugin of that name");
	assert_null(plugins_next(plugins, NULL));

	/* A link is judged by the file behind it. */
	assert_int_equal(plugins_set_policy(plugins, "inline:allow specimen;lockdown", NULL), 0);
	assert_int_equal(plugins_class(plugins, "specimen-two", &class, &fixture->error), 0);
	plugin = plugins_next(plugins, NULL);
	snprintf(option, sizeof(option), "inline:load specimen %s;lockdown", plugin->sha256);
	plugins_free(plugins);

	assert_int_equal(plugins_new(&plugins, fixture->dir, NULL), 0);
	assert_int_equal(plugins_set_policy(plugins, option, NULL), 0);
	assert_int_equal(plugins_preload(plugins, &fixture->error), 0);
	assert_non_null(plugins_next(plugins, NULL));
	plugins_started(plugins);
	assert_int_equal(plugins_class(plugins, "specimen-two", &class, &fixture->error), 0); /* it is there */
	assert_int_equal(plugins_class(plugins, "other", &class, &fixture->error), -EPERM);
	assert_names(&fixture->error, "lockdown");
	plugins_free(plugins);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, plugin_fixture_setup, plugin_fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_rules), TEST(test_capitals), TEST(test_bad), TEST(test_file), TEST(test_loading),
	};

	return cmocka_run_group_tests_name("plugin-policy", tests, NULL, NULL);
}
