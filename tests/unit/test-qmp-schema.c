/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test-qmp-schema.c - Mortise's own tables of commands and events: consistent, documented, and introspected in full.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ctype.h>
#include <string.h>

#include "base/util.h"
#include "qmp/check.h"
#include "qmp/commands.h"
#include "qmp/introspect.h"
#include "qmp/json.h"
#include "qmp/writer.h"

/* Clients read lines into buffers of this size. */
#define LINE_MAX (64 * 1024)

static const struct schema_type *seen[512];
static size_t seen_count;

static bool is_name(const char *name)
{
	if (!isalpha((unsigned char)*name))
		return false;
	for (; *name; name++)
		if (!isalnum((unsigned char)*name) && !strchr("-_", *name))
			return false;
	return true;
}

static bool has_value(const struct schema_type *type, const char *value)
{
	for (const char *const *v = type->values; *v; v++)
		if (streq(*v, value))
			return true;
	return false;
}

static const struct schema_member *member_of(const struct schema_type *type, const char *name)
{
	for (const struct schema_member *member = type->members; member && member->name; member++)
		if (streq(member->name, name))
			return member;
	return NULL;
}

static void visit(const struct schema_type *type);

static void visit_object(const struct schema_type *type)
{
	for (const struct schema_member *member = type->members; member && member->name; member++) {
		if (!is_name(member->name) || !member->help || !*member->help)
			fail_msg("member '%s' of %s: bad name, or no help", member->name, type->name);
		assert_ptr_equal(member_of(type, member->name), member);
		visit(member->type);
	}
	if (!type->tag)
		return;

	const struct schema_member *tag = member_of(type, type->tag);

	assert_non_null(tag);
	assert_int_equal(tag->type->kind, SCHEMA_ENUM);
	assert_true(!tag->optional || has_value(tag->type, tag->fallback));
	for (const struct schema_variant *variant = type->variants; variant->value; variant++) {
		assert_true(has_value(tag->type, variant->value));
		assert_int_equal(variant->type->kind, SCHEMA_OBJECT);
		for (const struct schema_member *m = variant->type->members; m && m->name; m++)
			if (member_of(type, m->name))
				fail_msg("'%s' is in %s and in %s", m->name, type->name, variant->type->name);
		visit(variant->type);
	}
}

static void visit(const struct schema_type *type)
{
	assert_non_null(type);
	for (size_t i = 0; i < seen_count; i++) {
		if (seen[i] == type)
			return;
		/* Two types of one name would show as one. Built-in ones and those without a name apart. */
		if (type->name && seen[i]->name && streq(seen[i]->name, type->name))
			fail_msg("there are two types %s", type->name);
	}
	assert_true(seen_count < ARRAY_SIZE(seen));
	seen[seen_count++] = type;
	switch (type->kind) {
	case SCHEMA_ENUM:
		assert_non_null(type->help);
		assert_non_null(type->values[0]);
		break;
	case SCHEMA_ARRAY:
		visit(type->element);
		break;
	case SCHEMA_OBJECT:
		visit_object(type);
		break;
	case SCHEMA_ALTERNATE:
		for (const struct schema_member *member = type->members; member->name; member++)
			visit(member->type);
		break;
	default:
		break;
	}
}

static void test_tables(void **state)
{
	for (const struct schema_group *const *group = qmp_schema.groups; *group; group++) {
		assert_non_null((*group)->title);
		for (const struct schema_command *c = (*group)->commands; c && c->name; c++) {
			if (!is_name(c->name) || !c->run || !c->help || !isupper((unsigned char)c->help[0]))
				fail_msg("command '%s' is not complete", c->name);
			if (schema_command(&qmp_schema, c->name) != c)
				fail_msg("there are two commands '%s'", c->name);
			if (c->arguments) {
				assert_int_equal(c->arguments->kind, SCHEMA_OBJECT);
				visit(c->arguments);
			}
			if (c->returns)
				visit(c->returns);
		}
		for (const struct schema_event *e = (*group)->events; e && e->name; e++) {
			if (!is_name(e->name) || !e->help)
				fail_msg("event '%s' is not complete", e->name);
			assert_ptr_equal(schema_event(&qmp_schema, e->name), e);
			if (e->data)
				visit(e->data);
		}
	}
}

static bool is_listed(const cJSON *schema, const char *name, bool type)
{
	for (const cJSON *info = schema->child; info; info = info->next) {
		const char *meta = json_string(info, "meta-type");

		if (streq(json_string(info, "name"), name) && type == !(streq(meta, "command") || streq(meta, "event")))
			return true;
	}
	return false;
}

/* Every name that an entry refers to is that of a type in the list. */
static void check_references(const cJSON *schema, const cJSON *info)
{
	static const char *const keys[] = {"arg-type", "ret-type", "element-type", "type"};
	static const char *const lists[] = {"members", "variants"};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const char *name = json_string(info, keys[i]);

		if (name && !is_listed(schema, name, true))
			fail_msg("type '%s' is not in the schema", name);
	}
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		const cJSON *list = json_get(info, lists[i]);

		for (const cJSON *item = list ? list->child : NULL; item; item = item->next)
			check_references(schema, item);
	}
}

static void test_introspection(void **state)
{
	cJSON *schema = introspect(&qmp_schema);
	struct text text = {0};
	struct mortise_error err = {0};

	assert_non_null(schema);
	if (check_value(schema_command(&qmp_schema, "query-qmp-schema")->returns, schema, "schema", &err) < 0)
		fail_msg("%s", err.message);
	for (const cJSON *info = schema->child; info; info = info->next)
		check_references(schema, info);
	for (const struct schema_group *const *group = qmp_schema.groups; *group; group++) {
		for (const struct schema_command *c = (*group)->commands; c && c->name; c++)
			assert_true(is_listed(schema, c->name, false));
		for (const struct schema_event *e = (*group)->events; e && e->name; e++)
			assert_true(is_listed(schema, e->name, false));
	}
	write_json(&text, schema);
	assert_true(text.length + 64 < LINE_MAX);
	text_free(&text);
	cJSON_Delete(schema);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tables),
		cmocka_unit_test(test_introspection),
	};

	return cmocka_run_group_tests_name("qmp-schema", tests, NULL, NULL);
}
