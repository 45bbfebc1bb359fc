# SPDX-License-Identifier: Apache-2.0
libmortise_a_SOURCES +=
