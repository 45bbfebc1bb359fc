/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugin/elf.h - looking into a shared object before the dynamic linker does.
 */
#pragma once

#include <mortise/error.h>

/*
 * Whether mapping the file and running its code can end well: an ELF shared object for this machine, complete (the
 * dynamic linker would die of SIGBUS on a truncated one), bound in full when it is loaded (-z now: a missing symbol is
 * then found at once, not in the middle of a guest's request), and content with a stack that is not executable.
 * -ENOEXEC and a message that starts with `path` otherwise.
 */
int elf_check(int fd, const char *path, struct mortise_error *err);
