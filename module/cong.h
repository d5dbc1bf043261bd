/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The congestion window: slow start, additive increase, halving (NewReno as in
 * RFC 9002, section 7).  Pure; all sizes in bytes.  Another algorithm replaces
 * this file and keeps its four functions.
 */
#ifndef XRPC_CONG_H
#define XRPC_CONG_H

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include "wire_user.h"
#endif

struct xrpc_cong {
	__u32	cwnd;		/* bytes that may be in flight */
	__u32	ssthresh;
	__u32	in_flight;	/* bytes sent, neither acknowledged nor lost */
	__u32	acked;		/* since the window last grew (avoidance) */
	__u64	recovery_pn;	/* losses up to it were answered already */
};

#define XRPC_CWND_MAX	(8U << 20)

static inline void xrpc_cong_init(struct xrpc_cong *c, __u32 mss)
{
	__u32 w = 14720;	/* RFC 9002, 7.2 */

	if (w > 10 * mss)
		w = 10 * mss;
	if (w < 2 * mss)
		w = 2 * mss;
	c->cwnd = w;
	c->ssthresh = ~0U;
	c->in_flight = 0;
	c->acked = 0;
	c->recovery_pn = 0;
}

/* Whether @bytes more may be sent; one packet always may. */
static inline bool xrpc_cong_room(const struct xrpc_cong *c, __u32 bytes)
{
	return !c->in_flight || c->in_flight + bytes <= c->cwnd;
}

static inline void xrpc_cong_sent(struct xrpc_cong *c, __u32 bytes)
{
	c->in_flight += bytes;
}

/* @bytes are no longer in flight, for whatever reason. */
static inline void xrpc_cong_gone(struct xrpc_cong *c, __u32 bytes)
{
	c->in_flight -= bytes < c->in_flight ? bytes : c->in_flight;
}

/**
 * xrpc_cong_acked() - bytes were acknowledged
 * @c: window
 * @bytes: how many
 * @mss: bytes of a full packet
 *
 * The window grows only while it is what limits the sender (RFC 9002, 7.8).
 */
static inline void xrpc_cong_acked(struct xrpc_cong *c, __u32 bytes, __u32 mss)
{
	bool limited = c->in_flight >= c->cwnd / 2;

	xrpc_cong_gone(c, bytes);
	if (!limited || c->cwnd >= XRPC_CWND_MAX)
		return;
	if (c->cwnd < c->ssthresh) {
		c->cwnd += bytes;
		return;
	}
	c->acked += bytes;
	if (c->acked >= c->cwnd) {
		c->acked -= c->cwnd;
		c->cwnd += mss;
	}
}

/**
 * xrpc_cong_lost() - a packet was lost
 * @c: window
 * @pn: its number
 * @next_pn: number of the next packet to be sent
 * @mss: bytes of a full packet
 *
 * One reduction a round trip: packets sent before the last one do not count.
 */
static inline void xrpc_cong_lost(struct xrpc_cong *c, __u64 pn, __u64 next_pn,
				  __u32 mss)
{
	if (pn < c->recovery_pn)
		return;
	c->recovery_pn = next_pn;
	c->cwnd /= 2;
	if (c->cwnd < 2 * mss)
		c->cwnd = 2 * mss;
	c->ssthresh = c->cwnd;
	c->acked = 0;
}

#endif /* XRPC_CONG_H */
