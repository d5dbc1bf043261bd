// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is due when: one timer a session, for all of its channels.
 *
 * The timer is lazy.  It is armed for the earliest time something may be due
 * and not moved when that is settled; when it runs it looks at every channel
 * that is busy and finds the next time.  A call in the steady state therefore
 * never touches it.
 */
#include "internal.h"
#include "trace.h"

/* No acknowledgement came: send something again (RFC 9002, 6.2.4). */
static void timed_out(struct xrpc_session *s, struct xrpc_call *c,
		      struct xrpc_txq *q, u64 now)
{
	struct xrpc_tx *tx = &c->tx;
	u64 lo = 0, hi;

	if (!tx->in_flight && !list_empty(&c->tx_link)) {
		/* all of it that was sent is known, the rest awaits the window */
		xrpc_send_pump(s, q, now);
		return;
	}
	XRPC_INC(s->xn, Timeouts);
	if (tx->backoff < 16)
		tx->backoff++;
	if (tx->backoff > 2) {
		/* persistent congestion (RFC 9002, 7.6) */
		s->cong.ssthresh = max(s->cong.cwnd / 2, 2 * s->path.mss);
		s->cong.cwnd = 2 * s->path.mss;
	}
	if (!tx->buf || tx->backoff > 2) {
		xrpc_tx_lost_all(s, c);
		xrpc_send_pump(s, q, now);
		return;
	}
	/* one probe: the acknowledgement it asks for tells what is missing */
	hi = xrpc_ranges_clip(&tx->buf->have, &lo, tx->next);
	if (lo < hi) {
		XRPC_INC(s->xn, Retrans);
		xrpc_send_segment(s, c, lo, min_t(u64, hi - lo, s->path.mss),
				  true, q, now);
	}
}

/*
 * Nothing of a half was sent yet.  If it does not wait for the window there was
 * no memory for its packet.
 */
static void unsent(struct xrpc_session *s, struct xrpc_call *c,
		   struct xrpc_txq *q, u64 now)
{
	if (!list_empty(&c->tx_link))
		return;
	xrpc_tx_lost_all(s, c);
	xrpc_send_pump(s, q, now);
}

/* When to ask for a call again that the server has but does not answer. */
static u64 probe_due(const struct xrpc_session *s, const struct xrpc_call *c)
{
	u64 wait = max_t(u64, xrpc_call_pto(s, NULL), XRPC_PROBE_MIN) <<
		   min_t(u8, c->tx.backoff, 4);

	return max(c->tx.last_sent, c->heard) + min(wait, XRPC_PTO_MAX);
}

static u64 client_call(struct xrpc_session *s, struct xrpc_call *c,
		       struct xrpc_txq *q, u64 now)
{
	u64 due, end = max(s->heard, c->heard) + XRPC_GIVE_UP;

	if (c->deadline <= now || end <= now) {
		xrpc_client_abandon(c, ETIMEDOUT, q, now);
		return U64_MAX;		/* armed for the cancel */
	}
	if (!c->tx.last_sent) {
		unsent(s, c, q, now);
		due = now + xrpc_call_pto(s, &c->tx);
	} else if (c->state == XRPC_CALL_SENDING) {
		due = c->tx.last_sent + xrpc_call_pto(s, &c->tx);
		if (due <= now) {
			timed_out(s, c, q, now);
			due = now + xrpc_call_pto(s, &c->tx);
		}
	} else if (c->state == XRPC_CALL_CANCELING) {
		due = c->tx.last_sent + xrpc_call_pto(s, &c->tx);
		if (due <= now) {
			c->tx.last_sent = now;
			if (c->tx.backoff < 16)
				c->tx.backoff++;
			xrpc_send_callref(s, XRPC_FT_CANCEL, c->chan, c->seq,
					  q, now);
			due = now + xrpc_call_pto(s, &c->tx);
		}
	} else {
		due = probe_due(s, c);
		if (due <= now) {
			c->tx.last_sent = now;
			if (c->tx.backoff < 16)
				c->tx.backoff++;
			xrpc_send_callref(s, XRPC_FT_PROBE, c->chan, c->seq, q,
					  now);
			due = probe_due(s, c);
		}
	}
	return min3(due, end, c->deadline);
}

static u64 canceling(struct xrpc_session *s, u16 chan, struct xrpc_chan *ch,
		     struct xrpc_txq *q, u64 now)
{
	u64 end = ch->since + XRPC_GIVE_UP;

	if (end <= now) {
		/* no word from there: what is left of the session is given up,
		 * the next call begins another
		 */
		xrpc_session_close(s, q, ETIMEDOUT, XRPC_UNKNOWN);
		return U64_MAX;
	}
	if (ch->due > now)
		return min(ch->due, end);
	if (ch->backoff < 16)
		ch->backoff++;
	ch->due = now + xrpc_rtt_pto(&s->rtt, s->peer_ack_delay, ch->backoff);
	xrpc_send_callref(s, XRPC_FT_CANCEL, chan, ch->seq, q, now);
	return min(ch->due, end);
}

/* A client that asks for a token, or whether it is still known. */
static u64 opening(struct xrpc_session *s, struct xrpc_txq *q, u64 now)
{
	u64 due;

	if (s->open_since + XRPC_GIVE_UP <= now) {
		xrpc_session_close(s, q, ETIMEDOUT, XRPC_UNKNOWN);
		return U64_MAX;
	}
	due = s->open_sent + xrpc_rtt_pto(&s->rtt, 0, s->open_backoff);
	if (due <= now) {
		s->open_sent = now;
		if (s->open_backoff < 16)
			s->open_backoff++;
		xrpc_send_token_req(s, q, now);
		due = now + xrpc_rtt_pto(&s->rtt, 0, s->open_backoff);
	}
	return min(due, s->open_since + XRPC_GIVE_UP);
}

static u64 client_due(struct xrpc_session *s, struct xrpc_txq *q, u64 now)
{
	struct xrpc_call *c, *tmp;
	u64 next = U64_MAX;
	bool owe = false;
	unsigned int i;

	list_for_each_entry_safe(c, tmp, &s->pending, link) {
		if (c->deadline <= now)
			xrpc_client_abandon(c, ETIMEDOUT, q, now);
		else if (c->retry > now)
			next = min3(next, c->deadline, c->retry);
		else
			next = min(next, c->deadline);
	}
	if (!list_empty(&s->pending))
		xrpc_client_assign(s, q, now);
	if (s->state == XRPC_SESS_TOKEN || s->state == XRPC_SESS_REOPENING)
		next = min(next, opening(s, q, now));
	for_each_set_bit(i, s->busy, XRPC_CHANS_MAX) {
		struct xrpc_chan *ch = xrpc_session_chan(s, i, false);

		if (s->state >= XRPC_SESS_CLOSED)
			return U64_MAX;
		if (ch->state == XRPC_CHAN_CANCELING &&
		    s->state != XRPC_SESS_REOPENING)
			next = min(next, canceling(s, i, ch, q, now));
		else if (ch->call && (s->state != XRPC_SESS_REOPENING ||
				      ch->call->deadline <= now))
			next = min(next, client_call(s, ch->call, q, now));
		else if (ch->call)	/* what comes of it the answer tells */
			next = min(next, ch->call->deadline);
	}
	for_each_set_bit(i, s->owed, XRPC_CHANS_MAX) {
		struct xrpc_chan *ch = xrpc_session_chan(s, i, false);

		if (ch->due <= now)
			owe = true;
		else
			next = min(next, ch->due);
	}
	/* a packet has room for some of them */
	for (i = 0; owe && i < XRPC_CHANS_MAX / XRPC_DONE_MAX &&
		    !bitmap_empty(s->owed, XRPC_CHANS_MAX); i++)
		xrpc_send_acks(s, q, now);
	if (owe && !bitmap_empty(s->owed, XRPC_CHANS_MAX))
		next = min(next, now + XRPC_ACK_DELAY_CLIENT);
	if (bitmap_empty(s->busy, XRPC_CHANS_MAX) && list_empty(&s->pending)) {
		if (s->used + XRPC_IDLE_CLIENT <= now)
			xrpc_session_close(s, q, ETIMEDOUT, XRPC_UNKNOWN);
		else
			next = min(next, s->used + XRPC_IDLE_CLIENT);
	}
	return next;
}

static u64 server_call(struct xrpc_session *s, struct xrpc_chan *ch,
		       struct xrpc_txq *q, u64 now, bool *ack)
{
	struct xrpc_call *c = ch->call;
	u16 chan = c->chan;
	bool untaken;
	u64 due;

	switch (c->state) {
	case XRPC_CALL_ARRIVING:
		due = c->heard + XRPC_GIVE_UP;
		if (due > now)
			return due;
		/* the call may be gone with it */
		xrpc_server_drop_call(s, ch);
		xrpc_server_record(s, chan, ch, XRPC_ST_EXPIRED, q, now);
		return U64_MAX;
	case XRPC_CALL_QUEUED:
		due = c->arrived + XRPC_ACK_DELAY_SERVER;
		if (due > now)
			return due;
		untaken = c->deadline != U64_MAX &&
			  !(READ_ONCE(c->cflags) & XRPC_CALLF_TAKEN);
		if (untaken && c->deadline <= now) {
			if (xrpc_server_expire(s, ch, q, now))
				return U64_MAX;
			untaken = false;
		}
		if (!c->told_acked) {
			c->told_acked = true;
			*ack = true;
		}
		if (untaken)
			return c->deadline;
		/* the client asks from here on */
		__clear_bit(c->chan, s->busy);
		return U64_MAX;
	case XRPC_CALL_REPLIED:
		if (!s->proven)		/* only ever in answer to a packet */
			return U64_MAX;
		if (c->heard + XRPC_GIVE_UP <= now) {
			/* kept for a duplicate, but sent no more unasked */
			__clear_bit(c->chan, s->busy);
			return U64_MAX;
		}
		if (!c->tx.last_sent) {
			unsent(s, c, q, now);
			return now + xrpc_call_pto(s, &c->tx);
		}
		due = c->tx.last_sent + xrpc_call_pto(s, &c->tx);
		if (due > now)
			return due;
		timed_out(s, c, q, now);
		return now + xrpc_call_pto(s, &c->tx);
	default:
		__clear_bit(c->chan, s->busy);
		return U64_MAX;
	}
}

static u64 server_due(struct xrpc_session *s, struct xrpc_txq *q, u64 now)
{
	u64 next = s->heard + XRPC_IDLE_SERVER;
	bool ack = false;
	unsigned int i;

	if (next <= now) {
		xrpc_session_close(s, NULL, ETIMEDOUT, XRPC_UNKNOWN);
		return U64_MAX;
	}
	for_each_set_bit(i, s->busy, XRPC_CHANS_MAX) {
		struct xrpc_chan *ch = xrpc_session_chan(s, i, false);

		if (ch->call)
			next = min(next, server_call(s, ch, q, now, &ack));
	}
	if (ack)
		s->ack_now = true;
	return next;
}

/**
 * xrpc_timer() - a session's timer runs
 * @t: its timer
 *
 * Softirq.  The armed timer's reference is dropped here unless the timer was
 * armed again before the lock was taken: it runs once more then, and that run
 * has the reference.  While it runs the timer is not armed but by itself, at its
 * end: once a session is dead no timer is left of it.
 */
enum hrtimer_restart xrpc_timer(struct hrtimer *t)
{
	struct xrpc_session *s = container_of(t, struct xrpc_session, timer);
	u64 now, next = U64_MAX;
	bool destroy = false;
	struct xrpc_txq q;

	xrpc_txq_init(&q);
	rcu_read_lock();
	spin_lock(&s->lock);
	if (unlikely(hrtimer_is_queued(t))) {
		spin_unlock(&s->lock);
		rcu_read_unlock();
		return HRTIMER_NORESTART;
	}
	s->timer_armed = false;
	if (s->state == XRPC_SESS_DEAD) {
		/* endpoint and namespace may be gone */
		spin_unlock(&s->lock);
		rcu_read_unlock();
		goto put;
	}
	s->timer_runs = true;
	s->timer_next = U64_MAX;
	now = xrpc_now();
	/* this host stood still: the silence says nothing of the other */
	if (now > s->timer_due + XRPC_STALL) {
		s->heard = now;
		s->stalled = xrpc_boottime(now);
	}
	if (s->state < XRPC_SESS_CLOSED) {
		next = s->server ? server_due(s, &q, now) :
				   client_due(s, &q, now);
		if (s->rx_unacked && s->state < XRPC_SESS_CLOSED) {
			if (s->ack_due <= now)
				s->ack_now = true;
			else
				next = min(next, s->ack_due);
		}
		if (s->ack_now)
			xrpc_send_acks(s, &q, now);
	}
	if (s->state == XRPC_SESS_CLOSED) {
		/* the other side's id is remembered as long as a token can
		 * open with it
		 */
		if (s->server && s->closed + XRPC_ID_MEMORY > now)
			next = s->closed + XRPC_ID_MEMORY;
		else
			destroy = true;
	}
	s->timer_runs = false;
	next = min(next, s->timer_next);
	if (destroy)
		xrpc_session_set(s, XRPC_SESS_DEAD);
	else if (next != U64_MAX)
		xrpc_session_arm(s, next);
	spin_unlock(&s->lock);
	xrpc_txq_flush(s->ep, &q);
	rcu_read_unlock();
	if (destroy)
		xrpc_session_destroy(s);
put:
	xrpc_session_put(s);
	return HRTIMER_NORESTART;
}
