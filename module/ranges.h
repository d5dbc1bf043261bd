/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sets of numbers kept as a few half-open ranges, lowest first: packet numbers
 * received, bytes of a message that arrived, were acknowledged, or were lost.
 * Pure: no locks, no allocation; the owner's lock protects them.
 */
#ifndef XRPC_RANGES_H
#define XRPC_RANGES_H

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include "wire_user.h"
#endif

#define XRPC_RANGES_MAX	32

struct xrpc_range {
	__u64	lo;		/* first in it */
	__u64	hi;		/* first not in it */
};

struct xrpc_ranges {
	__u32	n;
	struct xrpc_range r[XRPC_RANGES_MAX];
};

bool xrpc_ranges_add(struct xrpc_ranges *s, __u64 lo, __u64 hi);
void xrpc_ranges_add_newest(struct xrpc_ranges *s, __u64 v);
void xrpc_ranges_add_cover(struct xrpc_ranges *s, __u64 lo, __u64 hi);
void xrpc_ranges_del(struct xrpc_ranges *s, __u64 lo, __u64 hi);
bool xrpc_ranges_has(const struct xrpc_ranges *s, __u64 v);
__u64 xrpc_ranges_clip(const struct xrpc_ranges *s, __u64 *lo, __u64 hi);

/* Whether the set is exactly [0, end). */
static inline bool xrpc_ranges_full(const struct xrpc_ranges *s, __u64 end)
{
	return !end || (s->n == 1 && !s->r[0].lo && s->r[0].hi == end);
}

#endif /* XRPC_RANGES_H */
