/* SPDX-License-Identifier: Apache-2.0 */
/*
 * instances.c - the plugin, its instances, and the backends that they are given.
 */
#include "instances.h"

#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/util.h"

/* Backends of one kind in a set: a class may want several disks, say. */
#define BACKENDS 4

/* --- backends --- */

struct opening {
	struct reply reply;
	struct rig *rig;
	sem_t done;
	unsigned waiting;
	bool failed;
	int sockets[RIG_SETS][2]; /* ours, the netdev's */
};

static struct options *options_of(const char *text)
{
	struct options *options = NULL;

	return options_parse(&options, text, NULL, NULL, NULL) == 0 ? options : NULL;
}

struct answer {
	struct reply reply;
	struct opening *opening;
};

static void opened(struct reply *reply, int result)
{
	struct answer *answer = container_of(reply, struct answer, reply);
	struct opening *opening = answer->opening;

	opening->failed |= result < 0;
	free(answer);
	if (!--opening->waiting)
		sem_post(&opening->done);
}

static struct reply *one_more(struct opening *opening)
{
	struct answer *answer = calloc(1, sizeof(*answer));

	if (!answer)
		phase_no_memory();
	answer->reply.done = opened;
	answer->opening = opening;
	opening->waiting++;
	return &answer->reply;
}

static void add_set(struct opening *opening, unsigned set)
{
	struct backends *backends = &opening->rig->backends;
	char text[256];

	for (unsigned i = 0; i < BACKENDS; i++) {
		snprintf(text, sizeof(text), "node-name=disk%u.%u,driver=null-co,size=%llu", set, i,
			 (unsigned long long)DISK_SIZE);
		block_add(backends->blocks, options_of(text), one_more(opening));
	}
	snprintf(text, sizeof(text), "node-name=file%u.0,driver=file,filename=%s/file%u", set,
		 opening->rig->subject->scratch, set);
	block_add(backends->blocks, options_of(text), one_more(opening));
	snprintf(text, sizeof(text), "type=dgram,id=net%u.0,fd=%d", set, opening->sockets[set][1]);
	net_add(backends->nets, options_of(text), one_more(opening));
	for (unsigned i = 0; i < BACKENDS; i++) {
		snprintf(text, sizeof(text), "backend=socket,id=char%u.%u,path=%s/char%u.%u,server=on", set, i,
			 opening->rig->subject->scratch, set, i);
		opening->failed |= char_add(backends->chars, options_of(text), NULL) < 0;
	}
}

static void open_backends(void *opaque)
{
	struct opening *opening = opaque;
	struct rig *rig = opening->rig;

	if (block_nodes_new(&rig->backends.blocks, rig->control, NULL) < 0 ||
	    nets_new(&rig->backends.nets, rig->control, NULL) < 0 || chars_new(&rig->backends.chars, NULL) < 0)
		phase_no_memory();
	for (unsigned set = 0; set < RIG_SETS; set++)
		add_set(opening, set);
}

/* What becomes guest memory is a file, of a size that guests take for memory. */
static bool make_file(const struct rig *rig, unsigned set)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/file%u", rig->subject->scratch, set);
	unlink(path); /* the kernel may still be about to let go of an earlier phase's, and of the locks on it */
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	close(fd);
	return truncate(path, 2 * MIB) == 0;
}

/* The other end of a chardev. */
static int connect_terminal(const struct rig *rig, unsigned set)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/char%u.0", rig->subject->scratch, set);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

bool instances_open(struct rig *rig)
{
	struct opening opening = {.rig = rig};

	rig->backends.ram = rig->ram;
	sem_init(&opening.done, 0, 0);
	for (unsigned set = 0; set < RIG_SETS; set++) {
		if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, opening.sockets[set]) < 0)
			return false;
		rig->peers[set] = opening.sockets[set][0];
		if (!make_file(rig, set))
			return false;
	}
	rig_on_loop(rig->control, open_backends, &opening);
	while (sem_wait(&opening.done) < 0)
		;
	sem_destroy(&opening.done);
	for (unsigned set = 0; set < RIG_SETS; set++)
		rig->terminals[set] = connect_terminal(rig, set);
	return !opening.failed;
}

/* --- the plugin --- */

struct loading {
	struct rig *rig;
	const struct mortise_class *class;
	struct mortise_error error;
	int result;
};

/* init() is called here. */
static void load(void *opaque)
{
	struct loading *loading = opaque;
	const struct subject *subject = loading->rig->subject;
	const struct plugin *plugin;
	struct call call;
	int r;

	r = plugins_new(&loading->rig->plugins, subject->dir, &loading->error);
	if (r == 0) {
		plugins_intercept(loading->rig->plugins, shim_host(), shim_class_new);
		call_begin(&call, NULL, "init");
		call_set_inside(false);
		r = plugins_load(loading->rig->plugins, subject->name, &plugin, &loading->error);
		call_end(&call);
	}
	if (r == 0)
		r = plugins_class(loading->rig->plugins, subject->driver ? subject->driver : subject->name,
				  &loading->class, &loading->error);
	loading->result = r;
}

/* --- instances --- */

struct making {
	struct rig *rig;
	struct options *options;
	struct mortise_device *device;
	struct mortise_error error;
	int result;
};

static void make(void *opaque)
{
	struct making *making = opaque;
	struct rig *rig = making->rig;

	making->result = plugin_instance_new(&making->device, rig->plugins, rig->class, "check", making->options,
					     &rig->backends, rig->control, &making->error);
	if (making->result == 0 && options_done(making->options, &making->error) < 0)
		making->result = -EINVAL;
}

static void unmake(void *device)
{
	plugin_instance_free(device);
}

/* The subject's value for a property; else a backend of the set; else, where one is required, something. */
static void add_option(const struct rig *rig, struct options *options, const struct mortise_property *property,
		       unsigned set, unsigned counts[static 3])
{
	char name[64];

	for (unsigned i = 0; i < rig->subject->setting_count; i++) {
		const struct setting *setting = &rig->subject->settings[i];

		if (streq(setting->key, property->name)) {
			options_add(options, property->name, setting->value, OPTION_TEXT, NULL);
			return;
		}
	}
	if (property->type == MORTISE_PROPERTY_BLOCK && property->flags & MORTISE_PROPERTY_MAPPED)
		snprintf(name, sizeof(name), "file%u.0", set);
	else if (property->type == MORTISE_PROPERTY_BLOCK)
		snprintf(name, sizeof(name), "disk%u.%u", set, counts[0]++);
	else if (property->type == MORTISE_PROPERTY_NET)
		snprintf(name, sizeof(name), "net%u.%u", set, counts[1]++);
	else if (property->type == MORTISE_PROPERTY_CHARDEV)
		snprintf(name, sizeof(name), "char%u.%u", set, counts[2]++);
	else if (!(property->flags & MORTISE_PROPERTY_REQUIRED))
		return;
	else if (property->type == MORTISE_PROPERTY_MAC)
		snprintf(name, sizeof(name), "52:54:00:12:34:56");
	else if (property->type == MORTISE_PROPERTY_ENUM)
		snprintf(name, sizeof(name), "%s", property->values[0]);
	else
		snprintf(name, sizeof(name), "%llu",
			 (unsigned long long)(property->type == MORTISE_PROPERTY_STRING ? 1 : MAX(property->min, 1)));
	options_add(options, property->name, name, OPTION_TEXT, NULL);
}

int rig_make(struct rig *rig, unsigned set, const struct setting *more, struct mortise_device **out,
	     struct mortise_error *err)
{
	_cleanup_(options_free_p) struct options *options = options_new();
	struct making making = {.rig = rig, .options = options};
	unsigned counts[3] = {0};
	int r;

	if (!options)
		phase_no_memory();
	for (; more && more->key; more++)
		options_add(options, more->key, more->value, OPTION_TEXT, NULL);
	for (const struct mortise_property *property = rig->real->properties; property->name; property++)
		if (!options_find(options, property->name))
			add_option(rig, options, property, set, counts);
	rig_on_loop(rig->control, make, &making);
	if (err)
		*err = making.error;
	if (making.result < 0) {
		if (making.device)
			rig_on_loop(rig->control, unmake, making.device);
		return making.result;
	}
	r = rig_realize(rig, making.device, err);
	if (r < 0) {
		rig_on_loop(rig->control, unmake, making.device);
		return r;
	}
	*out = making.device;
	return 0;
}

struct mortise_device *rig_device(struct rig *rig, unsigned set)
{
	struct mortise_device *device;
	struct mortise_error error;
	int r = rig_make(rig, set, NULL, &device, &error);

	rule_kept(RULE_REALIZE);
	if (r == 0)
		return device;
	rule_broken(RULE_REALIZE, "%s", error.message);
	return NULL;
}

void rig_end(struct rig *rig, struct mortise_device *device)
{
	rig_unrealize(rig, device);
	rig_on_loop(rig->control, unmake, device);
}

/* --- loading --- */

static void use_class(struct rig *rig, const struct mortise_class *class)
{
	rig->class = class;
	rig->real = shim_real_class(class);
}

/* What instances of this class are plugged into, with the backends of the second set. */
static bool plug_parent(struct rig *rig, const struct mortise_class *child)
{
	const struct mortise_class *class;
	struct mortise_device *parent;

	if (plugins_class(rig->plugins, child->parent, &class, NULL) < 0)
		return false;
	use_class(rig, class);
	parent = rig_device(rig, 1);
	use_class(rig, child);
	rig->parent = rig->backends.parent = parent;
	return parent != NULL;
}

bool instances_load(struct rig *rig)
{
	struct loading loading = {.rig = rig};

	rig_expect(rig, RULE_RETURNS, "init() does not return");
	rig_on_loop(rig->control, load, &loading);
	rig_expected();
	if (loading.result < 0) {
		rule_broken(RULE_REALIZE, "%s", loading.error.message);
		return false;
	}
	use_class(rig, loading.class);
	return !loading.class->parent || plug_parent(rig, loading.class);
}
