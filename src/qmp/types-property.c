/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp/types-property.c - options of drivers, as queries tell of them.
 */
#include "qmp/types-property.h"

#include "base/properties.h"

static OBJECT_TYPE(ObjectPropertyInfo, "an option of a driver", MUST("name", str, "its name"),
		   MUST("type", str, "what its value is: bool, uint32, size, str, ..."),
		   MAY("description", str, "what it is for"), MAY("default-value", str, "as on the command line"));
ARRAY_TYPE(ObjectPropertyInfo);

cJSON *describe_properties(const struct mortise_property *property)
{
	cJSON *list = cJSON_CreateArray();

	for (; property && property->name; property++) {
		cJSON *item = cJSON_CreateObject();

		cJSON_AddStringToObject(item, "name", property->name);
		cJSON_AddStringToObject(item, "type", property_type_name(property->type));
		cJSON_AddStringToObject(item, "description", property->help);
		if (property->fallback)
			cJSON_AddStringToObject(item, "default-value", property->fallback);
		cJSON_AddItemToArray(list, item);
	}
	return list;
}
