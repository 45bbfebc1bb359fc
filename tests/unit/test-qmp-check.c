/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test-qmp-check.c - arguments against the types of a schema, and the words for what is wrong.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/util.h"
#include "qmp/check.h"
#include "qmp/json.h"
#include "qmp/reader.h"

static ENUM_TYPE(Colour, "a colour", "red", "green");
static ARRAY_TYPE(Colour);
static ALTERNATE_TYPE(StrOrInt, "a name or a number", CHOICE(str), CHOICE(int));
static OBJECT_TYPE(Inner, "within", MUST("name", str, ""), MAY("count", uint, ""));
static ENUM_TYPE(Shape, "a shape", "square", "circle", "point");
static OBJECT_TYPE(Square, "", MUST("side", int, ""));
static OBJECT_TYPE(Circle, "", MUST("radius", number, ""));
static const struct schema_type type_Figure = {
	.name = "Figure",
	.kind = SCHEMA_OBJECT,
	.members =
		(const struct schema_member[]){
			{.name = "shape", .type = &type_Shape, .optional = true, .fallback = "square"}, {0}},
	.tag = "shape",
	.variants = (const struct schema_variant[]){{"square", &type_Square}, {"circle", &type_Circle}, {0}},
};
static OPEN_OBJECT_TYPE(Open, "", MUST("driver", str, ""));
static const struct schema_type *const everything =
	ARGUMENTS(MAY("on", bool, ""), MAY("n", int, ""), MAY("u", uint, ""), MAY("d", number, ""), MAY("any", any, ""),
		  MAY("colour", Colour, ""), MAY("colours", Colour_array, ""), MAY("either", StrOrInt, ""),
		  MAY("in", Inner, ""), MAY("figure", Figure, ""), MAY("open", Open, ""));

/* Checks JSON text; `expected` is the message, or NULL when all is well. */
static void expect(const struct schema_type *type, const char *text, const char *expected)
{
	struct reader *reader = reader_new();
	struct mortise_error err = {0};
	cJSON *value = NULL;
	size_t used;

	assert_int_equal(reader_read(reader, text, strlen(text), &used, &value), READER_VALUE);
	if (expected) {
		assert_true(check_arguments(type, value, &err) < 0);
		assert_string_equal(err.message, expected);
	} else if (check_arguments(type, value, &err) < 0) {
		fail_msg("%s: %s", text, err.message);
	}
	cJSON_Delete(value);
	reader_free(reader);
}

static void test_good(void **state)
{
	expect(everything, "{}", NULL);
	expect(everything, "{'on':true,'n':-5,'u':18446744073709551615,'d':1.5,'any':[{}],'colour':'red'}", NULL);
	expect(everything, "{'colours':['red','green'],'either':'x','in':{'name':'n','count':0}}", NULL);
	expect(everything, "{'colours':[],'either':7,'figure':{'side':1}}", NULL);
	expect(everything, "{'figure':{'shape':'circle','radius':1}}", NULL);
	expect(everything, "{'figure':{'shape':'point'}}", NULL);
	expect(everything, "{'open':{'driver':'x','more':{'deep':1}}}", NULL);
	expect(NULL, "{}", NULL);
	assert_int_equal(check_arguments(everything, NULL, NULL), 0);
}

static void test_bad(void **state)
{
	static const char *const cases[][2] = {
		{"{'on':1}", "Invalid parameter type for 'on', expected: boolean"},
		{"{'n':'1'}", "Invalid parameter type for 'n', expected: integer"},
		{"{'n':1.0}", "Invalid parameter type for 'n', expected: integer"},
		{"{'n':9223372036854775808}", "Invalid parameter type for 'n', expected: integer"},
		{"{'u':-1}", "Parameter 'u' expects a number that is not negative"},
		{"{'u':1e2}", "Invalid parameter type for 'u', expected: integer"},
		{"{'d':null}", "Invalid parameter type for 'd', expected: number"},
		{"{'colour':7}", "Invalid parameter type for 'colour', expected: string"},
		{"{'colour':'blue'}", "Parameter 'colour' does not accept value 'blue'"},
		{"{'colours':'red'}", "Invalid parameter type for 'colours', expected: array"},
		{"{'colours':['red','blue']}", "Parameter 'colours[1]' does not accept value 'blue'"},
		{"{'colours':['red',{}]}", "Invalid parameter type for 'colours[1]', expected: string"},
		{"{'either':[]}", "Invalid parameter type for 'either', expected: StrOrInt"},
		{"{'in':{}}", "Parameter 'in.name' is missing"},
		{"{'in':{'name':1}}", "Invalid parameter type for 'in.name', expected: string"},
		{"{'in':{'name':'x','bogus':1}}", "Parameter 'in.bogus' is unexpected"},
		{"{'in':'x'}", "Invalid parameter type for 'in', expected: object"},
		{"{'bogus':1}", "Parameter 'bogus' is unexpected"},
		{"{'On':true}", "Parameter 'On' is unexpected"},
		{"{'figure':{}}", "Parameter 'figure.side' is missing"},
		{"{'figure':{'shape':'circle','side':1}}", "Parameter 'figure.radius' is missing"},
		{"{'figure':{'shape':'point','side':1}}", "Parameter 'figure.side' is unexpected"},
		{"{'figure':{'shape':'line'}}", "Parameter 'figure.shape' does not accept value 'line'"},
		{"{'open':{}}", "Parameter 'open.driver' is missing"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		expect(everything, cases[i][0], cases[i][1]);
	expect(NULL, "{'x':1}", "Parameter 'x' is unexpected");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
	};

	return cmocka_run_group_tests_name("qmp-check", tests, NULL, NULL);
}
