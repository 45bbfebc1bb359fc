/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugin/elf.h - looking into a shared object before the dynamic linker does.
 */
#pragma once

#include <stdbool.h>

#include <mortise/error.h>

/* What an object's headers say of how it is mapped and linked. */
struct elf_facts {
	bool executable_stack;
	bool bound_now;	       /* in full when it is loaded, not symbol by symbol when first called */
	bool relro;	       /* what the linker has relocated is read-only afterwards */
	bool text_relocations; /* the linker has to write to its code */
};

/*
 * Looks at a file that can be mapped without harm: an ELF shared object for this machine, complete (the dynamic linker
 * would die of SIGBUS on a truncated one). -ENOEXEC and a message that starts with `path` otherwise.
 */
int elf_look(int fd, const char *path, struct elf_facts *out, struct mortise_error *err);

/*
 * Whether running its code can end well, too: it is bound in full when it is loaded (-z now: a missing symbol is then
 * found at once, not in the middle of a guest's request), and content with a stack that is not executable. -ENOEXEC.
 */
int elf_check(int fd, const char *path, struct mortise_error *err);
