/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend/block-shape.h - requests brought into a shape that the node's engine takes.
 *
 * Most go straight through. One that is too long for the driver, scattered where it wants one buffer, not in whole
 * blocks, or zeroes where it can only write data, is carried out piece by piece through a buffer. Where a write covers
 * a part of a block, the block is read first; other writes wait meanwhile, as they could be lost otherwise. The claim's
 * loop alone.
 */
#pragma once

#include "backend/block-node.h"

void shape_init(struct block_claim *claim);
void shape_set_blocks(struct block_claim *claim); /* the medium is another one; no request is under way */
void shape_done(struct block_claim *claim);	  /* no request is under way */

/* Hands a request that passed the border check to the engine, in one piece or several. */
void shape_submit(struct block_claim *claim, struct mortise_block_request *request);

/* A request has ended that is `ordered`. */
void shape_ended(struct block_claim *claim);
