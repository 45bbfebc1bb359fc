# SPDX-License-Identifier: Apache-2.0
"""What a process costs, from /proc, and tables of figures side by side."""

import os
import statistics

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid):
    """User and system time of all threads so far."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def beyond_guest(pid, guest):
    """Resident bytes besides the guest's RAM, which is the mapping whose size comes closest from above; and how many of
    them no other process shares, as it may a library's code."""
    mappings = []
    with open(f"/proc/{pid}/smaps", encoding="ascii") as file:
        for line in file:
            key, *values = line.split()
            if key == "Size:":
                mappings.append([int(values[0]) << 10, 0, 0])
            elif key == "Rss:":
                mappings[-1][1] += int(values[0]) << 10
            elif key in ("Private_Clean:", "Private_Dirty:"):
                mappings[-1][2] += int(values[0]) << 10
    mappings.remove(min((each for each in mappings if each[0] >= guest), key=lambda each: each[0]))
    return tuple(sum(each[column] for each in mappings) for column in (1, 2))


def number(value):
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def side(values):
    """The median, with the range that the runs had."""
    if not values:
        return "-"
    if len(values) == 1:
        return number(values[0])
    return f"{number(statistics.median(values))} ({number(min(values))}-{number(max(values))})"


class Table:
    """Rows of a figure: the values of each VMM's runs, shown as medians and their ratio."""

    def __init__(self, title, better):
        self.title = title
        self.better = better
        self.rows = {}

    def add(self, row, vmm, value):
        self.rows.setdefault(row, {}).setdefault(vmm, []).append(value)

    def show(self):
        lines = [("", "mortise", "qemu", "mortise/qemu")]
        for row, sides in self.rows.items():
            own, other = sides.get("mortise", []), sides.get("qemu", [])
            ratio = "-"
            if own and other and statistics.median(other):
                ratio = f"{statistics.median(own) / statistics.median(other):.2f}"
            lines.append((row, side(own), side(other), ratio))
        widths = [max(len(line[column]) for line in lines) for column in range(4)]
        print(f"\n{self.title} ({self.better} is better)\n")
        for line in lines:
            print("  " + line[0].ljust(widths[0]), *(line[i].rjust(widths[i]) for i in (1, 2, 3)), sep="  ")
        print(flush=True)
