/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What every call goes through several times, and is a few instructions: inline,
 * the rare rest in other files.  Part of internal.h.
 */
#ifndef XRPC_INLINE_H
#define XRPC_INLINE_H

#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/timekeeping.h>
#include <linux/udp.h>

/* ---- time ------------------------------------------------------------ */

static inline u64 xrpc_now(void)
{
	return ktime_get_ns();
}

/* CLOCK_BOOTTIME of an xrpc_now() that was just read. */
static inline u64 xrpc_boottime(u64 now)
{
	return ktime_to_ns(ktime_mono_to_any(ns_to_ktime(now), TK_OFFS_BOOT));
}

/* ---- states ---------------------------------------------------------- */

DECLARE_TRACEPOINT(xrpc_call);
DECLARE_TRACEPOINT(xrpc_chan);
DECLARE_TRACEPOINT(xrpc_session);

/* Change the state of a call of a locked session. */
static inline void xrpc_call_set(struct xrpc_call *c,
				 enum xrpc_call_state state)
{
	xrpc_assert_s(c->s);
	if (tracepoint_enabled(xrpc_call))
		xrpc_trace_call(c, state);
	c->state = state;
}

/* Change a channel's state. */
static inline void xrpc_chan_set(struct xrpc_session *s, u16 chan,
				 struct xrpc_chan *ch,
				 enum xrpc_chan_state state)
{
	xrpc_assert_s(s);
	if (tracepoint_enabled(xrpc_chan))
		xrpc_trace_chan(s, chan, ch, state);
	ch->state = state;
}

/* Change a session's state; xrpc_session_alloc() gives it its first. */
static inline void xrpc_session_set(struct xrpc_session *s,
				    enum xrpc_session_state state)
{
	xrpc_assert_s(s);
	if (tracepoint_enabled(xrpc_session))
		xrpc_trace_session(s, state);
	/* some look at it without the lock */
	WRITE_ONCE(s->state, state);
}

/* ---- sessions -------------------------------------------------------- */

static inline void xrpc_session_get(struct xrpc_session *s)
{
	refcount_inc(&s->ref);
}

/**
 * xrpc_session_chan() - the slot of a channel
 * @s: session, locked
 * @chan: number
 * @create: make it if there is none yet
 *
 * Return: the slot; NULL past the limit, without memory or where there is none.
 */
static inline struct xrpc_chan *xrpc_session_chan(struct xrpc_session *s,
						  u16 chan, bool create)
{
	struct xrpc_chan *chunk;

	if (unlikely(chan >= XRPC_CHANS_MAX))
		return NULL;
	chunk = s->chunk[chan / XRPC_CHUNK];
	if (likely(chunk))
		return &chunk[chan % XRPC_CHUNK];
	return create ? xrpc_session_new_chan(s, chan) : NULL;
}

/**
 * xrpc_session_arm() - have the timer run no later than this
 * @s: session, locked
 * @due: monotonic time, ns
 *
 * The timer is lazy: it is moved forward only, and finds out for itself what
 * is due when it runs.  An armed timer holds a reference.
 */
static inline void xrpc_session_arm(struct xrpc_session *s, u64 due)
{
	xrpc_assert_s(s);
	if (unlikely(!s->timer_armed || s->timer_due > due))
		xrpc_session_move(s, due);
}

/**
 * xrpc_call_pto() - how long to wait before asking again
 * @s: session, locked
 * @tx: the half waited for, or NULL for a first wait
 */
static inline u64 xrpc_call_pto(const struct xrpc_session *s,
				const struct xrpc_tx *tx)
{
	return xrpc_rtt_pto(&s->rtt, s->peer_ack_delay, tx ? tx->backoff : 0);
}

/* ---- packets --------------------------------------------------------- */

/**
 * xrpc_input_from_peer() - whether a packet came from where a session's go
 * @s: session, locked
 * @skb: packet, at its XRPC header
 *
 * And to where: a client may have got new ids while the packet waited for the lock.
 */
static inline bool xrpc_input_from_peer(const struct xrpc_session *s,
					const struct sk_buff *skb)
{
	const struct udphdr *uh = (const void *)(skb->data - sizeof(*uh));
	const struct xrpc_hdr *h = (const void *)skb->data;

	if (uh->source != s->path.rport ||
	    (!s->server && xrpc_get64(h->id) != s->id))
		return false;
	if (skb->protocol == htons(ETH_P_IP))
		return s->path.v4 &&
		       s->path.raddr.s6_addr32[3] == ip_hdr(skb)->saddr;
	return ipv6_addr_equal(&s->path.raddr, &ipv6_hdr(skb)->saddr);
}

static inline void xrpc_txq_init(struct xrpc_txq *q)
{
	q->head = NULL;
	q->tail = &q->head;
	q->junk = NULL;
}

/**
 * xrpc_txq_flush() - send what was built
 * @ep: endpoint
 * @q: packets; empty afterwards
 *
 * Without any session's lock, in the RCU section they were built in.
 */
static inline void xrpc_txq_flush(struct xrpc_endpoint *ep, struct xrpc_txq *q)
{
	if (q->head || unlikely(q->junk))
		xrpc_txq_send(ep, q);
}

/**
 * xrpc_session_begin() - lock a session in process context, to send something
 * @s: session, referenced by the caller
 * @q: receives packets; need not be initialised
 *
 * Bottom halves are off until xrpc_session_end() has sent the packets: that is
 * the RCU read-side section they need.
 */
static inline void xrpc_session_begin(struct xrpc_session *s,
				      struct xrpc_txq *q)
	__acquires(&s->lock)
{
	xrpc_txq_init(q);
	local_bh_disable();
	spin_lock(&s->lock);
}

/**
 * xrpc_session_end() - unlock a session and send what was built meanwhile
 * @s: session, of xrpc_session_begin()
 * @q: packets
 */
static inline void xrpc_session_end(struct xrpc_session *s, struct xrpc_txq *q)
	__releases(&s->lock)
{
	spin_unlock(&s->lock);
	xrpc_txq_flush(s->ep, q);
	local_bh_enable();
}

#endif /* XRPC_INLINE_H */
