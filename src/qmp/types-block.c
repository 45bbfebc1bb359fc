/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp/types-block.c - the types of the commands about block nodes.
 */
#include "qmp/types-block.h"

/* --- blockdev-add --- */

static OPEN_ENUM_TYPE(
	BlockdevDriver,
	"what a node's data comes from; any other name is that of a plugin's driver, whose options are further "
	"members: see query-plugins",
	"raw", "file", "host_device", "null-co", "null-aio");
static ENUM_TYPE(BlockdevAioOptions, "how requests reach the host's kernel", "threads", "native", "io_uring");
static ENUM_TYPE(BlockdevDiscardOptions, "what becomes of the guest's discards", "ignore", "unmap", "off", "on");
static ENUM_TYPE(BlockdevDetectZeroesOptions, "whether written zeroes are looked for", "off");
static ENUM_TYPE(OnOffAuto, "a choice", "auto", "on", "off");

static OBJECT_TYPE(BlockdevCacheOptions, "the host's page cache",
		   MAY("direct", bool, "whether it is bypassed (O_DIRECT); false when absent"),
		   MAY("no-flush", bool, "whether the guest's flushes are ignored: unsafe; false when absent"));

static OBJECT_TYPE(BlockdevOptionsFile, "a file or a block device of the host", MUST("filename", str, "its path"),
		   MAY("aio", BlockdevAioOptions, "io_uring when absent, threads where that is refused"),
		   MAY("locking", OnOffAuto, "whether the image is locked against other processes"),
		   MAY("logical_block_size", uint, "bytes in the smallest request, a power of two from 512"));
static OBJECT_TYPE(BlockdevOptionsNull, "zeroes, and writes that go nowhere: for measurements",
		   MAY("size", uint, "bytes; 1 GiB when absent"));

#define COMMON_MEMBERS                                                                                    \
	MAY("read-only", bool, "whether the guest cannot write; false when absent"),                      \
		MAY("auto-read-only", bool, "whether it becomes read-only where it cannot be written"),   \
		MAY("cache", BlockdevCacheOptions, "use of the host's page cache"),                       \
		MAY("discard", BlockdevDiscardOptions, "unmap frees the host's space; that when absent"), \
		MAY("detect-zeroes", BlockdevDetectZeroesOptions, "must be off")

/* The lower half of the nested form: what `file` holds. */
static const struct schema_type type_BlockdevProtocol = {
	.name = "BlockdevProtocol",
	.kind = SCHEMA_OBJECT,
	.help = "where the bytes of a node are",
	.members =
		(const struct schema_member[]){
			{.name = "driver",
			 .type = &type_BlockdevDriver,
			 .help = "file when absent",
			 .optional = true,
			 .fallback = "file"},
			COMMON_MEMBERS,
			{0},
		},
	.tag = "driver",
	.variants =
		(const struct schema_variant[]){
			{"file", &type_BlockdevOptionsFile},
			{"host_device", &type_BlockdevOptionsFile},
			{"null-co", &type_BlockdevOptionsNull},
			{"null-aio", &type_BlockdevOptionsNull},
			{0},
		},
};

static OBJECT_TYPE(BlockdevOptionsRaw, "an image without a format",
		   MUST("file", BlockdevProtocol, "where its bytes are"),
		   MAY("logical_block_size", uint, "bytes in the smallest request, a power of two from 512"));

const struct schema_type type_BlockdevOptions = {
	.name = "BlockdevOptions",
	.kind = SCHEMA_OBJECT,
	.help = "a block node",
	.members =
		(const struct schema_member[]){
			MUST("node-name", str, "its name; that of the device that is to use it without naming it"),
			{.name = "driver",
			 .type = &type_BlockdevDriver,
			 .help = "raw when absent",
			 .optional = true,
			 .fallback = "raw"},
			COMMON_MEMBERS,
			{0},
		},
	.tag = "driver",
	.variants =
		(const struct schema_variant[]){
			{"raw", &type_BlockdevOptionsRaw},
			{"file", &type_BlockdevOptionsFile},
			{"host_device", &type_BlockdevOptionsFile},
			{"null-co", &type_BlockdevOptionsNull},
			{"null-aio", &type_BlockdevOptionsNull},
			{0},
		},
};

ARRAY_TYPE(BlockdevOptions);

ENUM_TYPE(BlockdevFormat, "how an image is laid out", "raw");
ENUM_TYPE(BlockdevChangeReadOnlyMode, "whether the guest can write the new file", "retain", "read-only", "read-write");

/* --- queries --- */

static OBJECT_TYPE(BlockdevCacheInfo, "how a node uses the host's page cache",
		   MUST("writeback", bool, "whether the guest has to flush"),
		   MUST("direct", bool, "whether the cache is bypassed"),
		   MUST("no-flush", bool, "whether flushes are ignored"));
static OBJECT_TYPE(ImageInfo, "the image behind a node", MUST("filename", str, "its path"),
		   MUST("format", str, "always raw"), MUST("virtual-size", uint, "bytes that the guest sees"));
static OBJECT_TYPE(BlockDeviceInfo, "a block node", MUST("node-name", str, "its name"), MUST("file", str, "its path"),
		   MUST("drv", str, "its driver"), MUST("ro", bool, "whether it is read-only"),
		   MUST("aio", str, "how requests reach the host's kernel"),
		   MUST("backing_file_depth", int, "always 0"), MUST("encrypted", bool, "always false"),
		   MUST("detect_zeroes", BlockdevDetectZeroesOptions, "always off"),
		   MUST("write_threshold", int, "always 0"),
		   MUST("cache", BlockdevCacheInfo, "its use of the host's cache"),
		   MUST("image", ImageInfo, "its image"), MUST("bps", int, "limit on bytes a second, 0 for none"),
		   MUST("bps_rd", int, "the same for reads"), MUST("bps_wr", int, "the same for writes"),
		   MUST("iops", int, "limit on requests a second, 0 for none"),
		   MUST("iops_rd", int, "the same for reads"), MUST("iops_wr", int, "the same for writes"));
ARRAY_TYPE(BlockDeviceInfo);

static OBJECT_TYPE(BlockInfo, "a disk of the guest", MUST("device", str, "always empty: drives have node-names"),
		   MUST("qdev", str, "the device's id"), MUST("type", str, "always unknown"),
		   MUST("removable", bool, "always false"), MUST("locked", bool, "always false"),
		   MUST("inserted", BlockDeviceInfo, "its node"));
ARRAY_TYPE(BlockInfo);

static OBJECT_TYPE(BlockDeviceStats, "what a node has done since it was added", MUST("rd_bytes", uint, "bytes read"),
		   MUST("wr_bytes", uint, "bytes written"), MUST("unmap_bytes", uint, "bytes discarded"),
		   MUST("rd_operations", uint, "reads"), MUST("wr_operations", uint, "writes"),
		   MUST("flush_operations", uint, "flushes"), MUST("unmap_operations", uint, "discards"),
		   MUST("rd_total_time_ns", uint, "time in reads"), MUST("wr_total_time_ns", uint, "time in writes"),
		   MUST("flush_total_time_ns", uint, "time in flushes"),
		   MUST("unmap_total_time_ns", uint, "time in discards"),
		   MUST("failed_rd_operations", uint, "reads that failed"),
		   MUST("failed_wr_operations", uint, "writes that failed"),
		   MUST("failed_flush_operations", uint, "flushes that failed"),
		   MUST("failed_unmap_operations", uint, "discards that failed"));
static OBJECT_TYPE(BlockStats, "a node's counters", MAY("device", str, "empty, where a device uses the node"),
		   MAY("qdev", str, "the id of the device that uses it"), MUST("node-name", str, "its name"),
		   MUST("stats", BlockDeviceStats, "the counters"));
ARRAY_TYPE(BlockStats);
