/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Round-trip time and the time-outs that follow from it (RFC 9002, section 5
 * and 6; RFC 6298 for the smoothing).  Pure; all times in nanoseconds.
 */
#ifndef XRPC_RTT_H
#define XRPC_RTT_H

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include "wire_user.h"
#endif

#define XRPC_RTT_INITIAL	333000000ULL	/* RFC 9002, 6.2.2 */
#define XRPC_RTT_GRANULARITY	1000000ULL	/* RFC 9002, kGranularity */
#define XRPC_PTO_MAX		2000000000ULL	/* back-off goes no further */

struct xrpc_rtt {
	__u64	srtt;		/* 0: no sample yet */
	__u64	rttvar;
	__u64	min;
	__u64	latest;
};

/**
 * xrpc_rtt_sample() - take a sample
 * @r: estimate
 * @rtt: from sending to the echo's arrival
 * @delay: what the peer says it held the echo back
 *
 * RFC 9002, 5.3: the delay is taken off unless that went below the minimum.
 */
static inline void xrpc_rtt_sample(struct xrpc_rtt *r, __u64 rtt, __u64 delay)
{
	__u64 diff;

	if (!rtt)
		rtt = 1;
	if (!r->min || rtt < r->min)
		r->min = rtt;
	if (rtt >= r->min + delay)
		rtt -= delay;
	r->latest = rtt;
	if (!r->srtt) {
		r->srtt = rtt;
		r->rttvar = rtt / 2;
		return;
	}
	diff = r->srtt > rtt ? r->srtt - rtt : rtt - r->srtt;
	r->rttvar = r->rttvar - (r->rttvar >> 2) + (diff >> 2);
	r->srtt = r->srtt - (r->srtt >> 3) + (rtt >> 3);
}

/**
 * xrpc_rtt_pto() - how long to wait for an acknowledgement
 * @r: estimate
 * @ack_delay: the longest the peer holds one back
 * @backoff: how often in a row it was waited in vain
 *
 * RFC 9002, 6.2.1.
 */
static inline __u64 xrpc_rtt_pto(const struct xrpc_rtt *r, __u64 ack_delay,
				 unsigned int backoff)
{
	__u64 var = r->rttvar * 4, pto = XRPC_RTT_INITIAL;
	__u64 max = XRPC_PTO_MAX;

	if (r->srtt) {
		pto = r->srtt + (var > XRPC_RTT_GRANULARITY ? var :
				 XRPC_RTT_GRANULARITY);
		/* the path's own time is waited whatever the limit */
		if (max < pto)
			max = pto;
		pto += ack_delay;
	}
	if (backoff > 16)
		backoff = 16;
	pto <<= backoff;
	return pto < max ? pto : max;
}

/**
 * xrpc_rtt_loss_delay() - age at which a packet older than an acknowledged one
 * counts as lost (RFC 9002, 6.1.2)
 * @r: estimate
 */
static inline __u64 xrpc_rtt_loss_delay(const struct xrpc_rtt *r)
{
	__u64 t = r->srtt > r->latest ? r->srtt : r->latest;

	if (!t)
		t = XRPC_RTT_INITIAL;
	t += t >> 3;
	return t > XRPC_RTT_GRANULARITY ? t : XRPC_RTT_GRANULARITY;
}

#endif /* XRPC_RTT_H */
