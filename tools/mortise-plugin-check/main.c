/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mortise-plugin-check - is a plugin fit to be run? Loads it, and does to it what drivers, backends and operators may
 * do.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arguments.h"
#include "base/log.h"
#include "base/util.h"
#include "report.h"

#define PHASE_SECONDS_MAX 120 /* that a phase may take, whatever it is */

struct phase {
	const char *name;
	void (*run)(const struct subject *subject);
	enum rule rule; /* what it is about: broken where it does not come to its end; RULES: several */
	bool needs_slot;
};

static const struct phase phases[] = {
	{"properties", phase_properties, RULE_PROPERTIES, false},
	{"life", phase_life, RULES, false},
	{"features", phase_features, RULE_FEATURES, true},
	{"reset", phase_reset, RULE_RESET, true},
	{"quiesce", phase_quiesce, RULES, true},
	{"state", phase_state, RULES, true},
	{"queues", phase_queues, RULE_QUEUES, true},
	{"requests", phase_requests, RULE_REQUESTS, true},
	{"allocations", phase_allocations, RULE_ALLOCATIONS, false},
	{"services", phase_calls, RULE_CALLS, false},
};

/*
 * Interrupts are let in while a phase is waited for alone: it is given up, and the checker ends as they want it to,
 * with nothing left behind.
 */
static const int interrupts[] = {SIGHUP, SIGINT, SIGTERM};
static volatile sig_atomic_t interrupted; /* the signal's number */
static sigset_t usual_signals;

static void on_interrupt(int number)
{
	interrupted = number;
}

static void set_interrupts(void (*handler)(int number))
{
	const struct sigaction action = {.sa_handler = handler};

	for (size_t i = 0; i < ARRAY_SIZE(interrupts); i++)
		sigaction(interrupts[i], &action, NULL);
}

static void block_interrupts(void)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(interrupts); i++)
		sigaddset(&set, interrupts[i]);
	sigprocmask(SIG_BLOCK, &set, &usual_signals);
	set_interrupts(on_interrupt);
}

static void restore_interrupts(void)
{
	set_interrupts(SIG_DFL);
	sigprocmask(SIG_SETMASK, &usual_signals, NULL);
}

/* --- a phase, in a process of its own --- */

static _Noreturn void run_child(const struct arguments *given, const struct phase *phase, const struct subject *subject,
				struct plugin_facts *facts, pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(CANNOT_CHECK);
	restore_interrupts();
	if (!given->verbose)
		log_open("/dev/null", NULL);
	if (phase)
		phase->run(subject);
	else
		phase_object(subject, facts);
	phase_finish();
}

static void judge_end(const struct phase *phase, int status)
{
	const int end = atomic_load(&board->end);

	if (WIFSIGNALED(status))
		rule_broken(RULE_CRASH, "%s (while %s)", strsignal(WTERMSIG(status)), board->doing);
	else if (end == SOMEHOW)
		rule_broken(RULE_PROCESS, "the process was ended with status %d (while %s)", WEXITSTATUS(status),
			    board->doing);
	else
		rule_kept(RULE_PROCESS);
	if (end != FINISHED && phase && phase->rule != RULES)
		rule_broken(phase->rule, "this could not be gone on with (while %s)", board->doing);
}

/* False: it is the checker that could not go on. */
static bool run_phase(const struct arguments *given, const struct phase *phase, const struct subject *subject,
		      struct plugin_facts *facts)
{
	const struct timespec limit = {.tv_sec = PHASE_SECONDS_MAX};
	const pid_t self = getpid();
	struct pollfd ended;
	int status, n;
	pid_t child;

	atomic_store(&board->end, SOMEHOW);
	doing("%s", phase ? phase->name : "object");
	fflush(NULL);
	child = fork();
	if (child < 0)
		return false;
	if (!child)
		run_child(given, phase, subject, facts, self);
	ended = (struct pollfd){.fd = (int)syscall(SYS_pidfd_open, child, 0), .events = POLLIN};
	n = ppoll(&ended, 1, &limit, &usual_signals);
	if (n == 0)
		rule_broken(RULE_RETURNS, "%s takes more than %d s", board->doing, PHASE_SECONDS_MAX);
	if (n <= 0)
		kill(child, SIGKILL);
	if (ended.fd >= 0)
		close(ended.fd);
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return false;
	if (interrupted)
		return false;
	if (WIFEXITED(status) && WEXITSTATUS(status) == PHASE_NO_MEMORY && atomic_load(&board->end) == SOMEHOW)
		return false;
	judge_end(phase, status);
	return true;
}

static bool check_driver(const struct arguments *given, struct subject *subject, bool child)
{
	for (size_t i = 0; i < ARRAY_SIZE(phases); i++) {
		if (phases[i].needs_slot && child)
			continue;
		if (given->verbose)
			fprintf(stderr, "# %s: %s\n", subject->driver, phases[i].name);
		if (!run_phase(given, &phases[i], subject, NULL))
			return false;
		/* Where no instance comes to life there is nothing more to see. */
		if (rule_is_broken(RULE_REALIZE))
			break;
	}
	for (int rule = RULES_OF_FILE; child && rule < RULES; rule++)
		rule_skipped(rule, "it is plugged into another device");
	return true;
}

/* --- all of it --- */

static bool check(const struct arguments *given, struct report *report, struct plugin_facts *facts)
{
	struct subject subject = given->subject;
	unsigned checked = 0;

	board = report->file = board_new();
	if (!board || !run_phase(given, NULL, &subject, facts))
		return false;
	for (int rule = 0; rule < RULES_OF_FILE; rule++)
		if (rule_is_broken(rule))
			return true;
	for (unsigned i = 0; i < facts->driver_count; i++)
		checked += !given->driver || streq(given->driver, facts->drivers[i]);
	subject.seconds = given->seconds / (double)ARRAY_SIZE(phases) / MAX(checked, 1);
	for (unsigned i = 0; i < facts->driver_count; i++) {
		if (given->driver && !streq(given->driver, facts->drivers[i]))
			continue;
		board = report->drivers[i] = board_new();
		subject.driver = facts->drivers[i];
		if (!board || !check_driver(given, &subject, facts->children[i]))
			return false;
	}
	if (!checked && given->driver)
		fprintf(stderr, "mortise-plugin-check: there is no device driver '%s' in it\n", given->driver);
	return checked || !given->driver;
}

static void remove_scratch(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir)
		closedir(dir);
	rmdir(path);
}

int main(int argc, char **argv)
{
	const char *temporary = getenv("TMPDIR");
	char scratch[64]; /* sockets' paths in it are short */
	struct plugin_facts *facts =
		mmap(NULL, sizeof(*facts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct arguments given = {0};
	struct report report = {.facts = facts};
	int status;
	bool done;

	if (!arguments_take(&given, argc, argv, &status))
		return status;
	if (facts == MAP_FAILED)
		return CANNOT_CHECK;
	snprintf(scratch, sizeof(scratch), "%.40s/mortise-check.XXXXXX", temporary ? temporary : "/tmp");
	block_interrupts();
	if (!mkdtemp(scratch)) {
		fprintf(stderr, "mortise-plugin-check: %s: %s\n", scratch, strerror(errno));
		return CANNOT_CHECK;
	}
	given.subject.scratch = scratch;
	report.path = given.path;
	done = check(&given, &report, facts);
	remove_scratch(scratch);
	restore_interrupts();
	if (interrupted)
		raise(interrupted);
	if (!done) {
		fprintf(stderr, "mortise-plugin-check: %s could not be checked\n", given.path);
		return CANNOT_CHECK;
	}
	return (given.json ? report_json(&report) : report_tap(&report)) ? NOTHING_FOUND : FOUND;
}
