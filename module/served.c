// SPDX-License-Identifier: GPL-2.0-only
/*
 * The server's half of a call: duplicates, the socket's queue, the answer, and
 * the record that makes a call run at most once.
 *
 * A channel's newest sequence is kept as long as the session.  Whatever is
 * decided about a sequence is recorded before it is told.
 */
#include "internal.h"
#include "trace.h"

/* ---- budgets --------------------------------------------------------- */

static void kept_uncharge(struct xrpc_session *s, struct xrpc_call *c)
{
	s->kept -= c->kept;
	atomic_long_sub(c->kept, &s->xn->kept);
	c->kept = 0;
}

static bool kept_room(const struct xrpc_session *s, u32 size)
{
	return s->kept + size <= s->xn->sysctl_kept_session_max &&
	       atomic_long_read(&s->xn->kept) + size <=
	       s->xn->sysctl_kept_max;
}

static bool kept_charge(struct xrpc_session *s, struct xrpc_call *c, u32 size)
{
	if (!kept_room(s, size))
		return false;
	c->kept = size;
	s->kept += size;
	atomic_long_add(size, &s->xn->kept);
	return true;
}

/* Give up the session's oldest kept reply: it becomes a tombstone. */
static bool drop_oldest_reply(struct xrpc_session *s)
{
	struct xrpc_chan *oldest = NULL;
	struct xrpc_call *c;
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(s->chunk); i++) {
		for (j = 0; s->chunk[i] && j < XRPC_CHUNK; j++) {
			c = s->chunk[i][j].call;
			if (c && c->state == XRPC_CALL_REPLIED &&
			    (!oldest || c->arrived < oldest->call->arrived))
				oldest = &s->chunk[i][j];
		}
	}
	if (!oldest)
		return false;
	c = oldest->call;
	__clear_bit(c->chan, s->busy);
	xrpc_tx_settled(s, c, false);
	kept_uncharge(s, c);
	xrpc_call_set(c, XRPC_CALL_GONE);
	oldest->call = NULL;
	xrpc_chan_set(s, c->chan, oldest, XRPC_CHAN_VERDICT);
	oldest->verdict = XRPC_ST_DROPPED;
	XRPC_INC(s->xn, RepliesDropped);
	xrpc_call_put(c);
	return true;
}

/* ---- the record ------------------------------------------------------ */

/* One packet draws so many answers; what goes without comes again. */
static bool may_answer(struct xrpc_session *s)
{
	if (s->answers >= XRPC_ANSWERS_MAX)
		return false;
	s->answers++;
	return true;
}

/**
 * xrpc_server_record() - record and tell a verdict on a channel's sequence
 * @s: session, locked
 * @chan: channel
 * @ch: its slot, its sequence set, without a call in progress
 * @code: verdict
 * @q: receives the packet
 * @now: ns
 */
void xrpc_server_record(struct xrpc_session *s, u16 chan, struct xrpc_chan *ch,
			u8 code, struct xrpc_txq *q, u64 now)
{
	xrpc_assert_s(s);
	__clear_bit(chan, s->busy);
	xrpc_chan_set(s, chan, ch, XRPC_CHAN_VERDICT);
	ch->verdict = code;
	xrpc_send_status(s, chan, ch->seq, code, q, now);
}

/**
 * xrpc_server_detach() - take a call off its channel for good
 * @s: session, locked
 * @ch: channel with a call; its reference is dropped
 */
void xrpc_server_detach(struct xrpc_session *s, struct xrpc_chan *ch)
{
	struct xrpc_call *c = ch->call;

	xrpc_assert_s(s);
	xrpc_tx_settled(s, c, false);
	if (c->kept)
		kept_uncharge(s, c);
	xrpc_call_set(c, XRPC_CALL_GONE);
	__clear_bit(c->chan, s->busy);
	c->sk = NULL;
	ch->call = NULL;
	xrpc_chan_set(s, c->chan, ch, XRPC_CHAN_IDLE);
	xrpc_call_put(c);
}

/*
 * Take a call that no receive took yet back from its socket.  Returns whether
 * it was there.
 */
static bool unqueue(struct xrpc_call *c)
{
	struct sock *sk = c->sk;
	bool mine;

	if (!sk)
		return false;
	spin_lock(&sk->sk_receive_queue.lock);
	mine = !(c->cflags & (XRPC_CALLF_TAKEN | XRPC_CALLF_DRAINED)) &&
	       !list_empty(&c->link);
	if (mine) {
		list_del_init(&c->link);
		xrpc_rmem_uncharge(sk, c->rx.charge);
		c->rx.charge = 0;
		xrpc_sk(sk)->load--;
	}
	spin_unlock(&sk->sk_receive_queue.lock);
	if (mine)
		xrpc_call_put(c);	/* the queue's */
	return mine;
}

/* Tell the application that has a call that nobody waits for it any more. */
static void notice(struct xrpc_call *c)
{
	struct sock *sk = c->sk;

	if (!sk)
		return;
	spin_lock(&sk->sk_receive_queue.lock);
	if (c->cflags & XRPC_CALLF_TAKEN)
		xrpc_q_notice(sk, c);
	spin_unlock(&sk->sk_receive_queue.lock);
}

/**
 * xrpc_server_drop_call() - a session ends: its calls go with it
 * @s: session, locked
 * @ch: channel with a call
 */
void xrpc_server_drop_call(struct xrpc_session *s, struct xrpc_chan *ch)
{
	xrpc_assert_s(s);
	if (ch->call->state == XRPC_CALL_QUEUED && !unqueue(ch->call))
		notice(ch->call);
	xrpc_server_detach(s, ch);
}

/**
 * xrpc_server_expire() - the deadline of a queued request has passed
 * @s: session, locked
 * @ch: channel with the call
 * @q: receives the packet
 * @now: ns
 *
 * Return: false for one that a receive took: it is left to the application.
 */
bool xrpc_server_expire(struct xrpc_session *s, struct xrpc_chan *ch,
			struct xrpc_txq *q, u64 now)
{
	u16 chan = ch->call->chan;

	xrpc_assert_s(s);
	if (!unqueue(ch->call))
		return false;
	__clear_bit(chan, s->busy);
	xrpc_server_detach(s, ch);
	xrpc_server_record(s, chan, ch, XRPC_ST_EXPIRED, q, now);
	return true;
}

/**
 * xrpc_server_verdict() - a socket gives up a call it has
 * @c: call; the caller holds the socket's reference and keeps it
 * @code: what is told
 *
 * Process context, without locks.
 */
void xrpc_server_verdict(struct xrpc_call *c, u8 code)
{
	struct xrpc_session *s = c->s;
	struct xrpc_chan *ch;
	struct xrpc_txq q;
	u16 chan;

	xrpc_session_begin(s, &q);
	if (c->state == XRPC_CALL_QUEUED) {
		chan = c->chan;
		ch = xrpc_session_chan(s, chan, false);
		xrpc_server_detach(s, ch);
		if (code == XRPC_ST_ABORTED)
			XRPC_INC(s->xn, Aborted);
		xrpc_server_record(s, chan, ch, code, &q, xrpc_now());
	}
	xrpc_session_end(s, &q);
}

/**
 * xrpc_server_move() - give an undelivered call to another socket of its group
 * @c: call that its socket gives up; the caller holds the socket's reference
 *     and keeps it
 * @charge: bytes it was charged there, given back already
 *
 * Process context, without locks.
 *
 * Return: whether it has a socket now, or is over.
 */
bool xrpc_server_move(struct xrpc_call *c, u32 charge)
{
	struct xrpc_session *s = c->s;
	bool moved = true;
	struct sock *sk;

	rcu_read_lock();
	spin_lock_bh(&s->lock);
	if (c->state != XRPC_CALL_QUEUED)
		goto out;
	moved = false;
	sk = xrpc_endpoint_service(s->ep, s->service);
	if (!sk)
		goto out;
	refcount_inc(&c->ref);
	spin_lock(&sk->sk_receive_queue.lock);
	if (xrpc_rmem_charge(sk, charge, false)) {
		c->rx.charge = charge;
		c->cflags &= ~XRPC_CALLF_DRAINED;
		moved = xrpc_q_add(sk, c);
		if (moved) {
			xrpc_sk(sk)->load++;
			c->sk = sk;
		} else {
			xrpc_rmem_uncharge(sk, charge);
			c->rx.charge = 0;
			c->cflags |= XRPC_CALLF_DRAINED;
		}
	}
	spin_unlock(&sk->sk_receive_queue.lock);
	if (!moved)
		xrpc_call_put(c);
out:
	spin_unlock_bh(&s->lock);
	rcu_read_unlock();
	return moved;
}

/**
 * xrpc_server_acked() - the client has the whole reply
 * @s: session, locked
 * @c: call
 *
 * Small buffers are kept for the channel's next reply.
 */
void xrpc_server_acked(struct xrpc_session *s, struct xrpc_call *c)
{
	xrpc_assert_s(s);
	if (c->state != XRPC_CALL_REPLIED)
		return;
	xrpc_tx_settled(s, c, true);
	kept_uncharge(s, c);
	if (c->tx.buf) {
		xrpc_buf_free(c->tx.buf);
		c->tx.buf = NULL;
	}
	if (c->tx.skb && c->tx.skb->truesize > XRPC_SPARE_SKB_MAX) {
		kfree_skb(c->tx.skb);
		c->tx.skb = NULL;
	}
	__clear_bit(c->chan, s->busy);
	xrpc_call_set(c, XRPC_CALL_ACKED);
}

/**
 * xrpc_server_done() - the client says that it has a reply
 * @s: session, locked
 * @chan: channel
 * @seq: sequence
 */
void xrpc_server_done(struct xrpc_session *s, u16 chan, u32 seq)
{
	struct xrpc_chan *ch = xrpc_session_chan(s, chan, false);

	if (ch && ch->call && ch->seq == seq)
		xrpc_server_acked(s, ch->call);
}

/* ---- requests -------------------------------------------------------- */

/* Send the reply again, or of a longer one the first piece not there yet. */
static void reply_again(struct xrpc_session *s, struct xrpc_call *c,
			struct xrpc_txq *q, u64 now)
{
	struct xrpc_tx *tx = &c->tx;
	u64 lo = 0, hi;

	/* no sooner than who lost it can have missed it */
	if (tx->last_sent && now - tx->last_sent < s->rtt.srtt)
		return;
	if (!tx->buf) {
		if (tx->next)
			xrpc_tx_lost_all(s, c);
		xrpc_send_pump(s, q, now);
		return;
	}
	hi = xrpc_ranges_clip(&tx->buf->have, &lo, tx->next);
	if (lo < hi) {
		XRPC_INC(s->xn, Retrans);
	} else if (tx->next < tx->len) {
		/*
		 * All that was sent is there, and the client asks for more: not
		 * for the window to say (RFC 9002, 7.5).  It may be taken by
		 * replies that the client has no room for before it has this.
		 */
		lo = tx->next;
		hi = min(tx->len, tx->next + s->path.mss);
		tx->next = hi;
	} else {
		return;
	}
	xrpc_send_segment(s, c, lo, min_t(u64, hi - lo, s->path.mss), true, q,
			  now);
}

/* Answer for the newest sequence of a channel, whatever became of it. */
static void answer_again(struct xrpc_session *s, u16 chan, struct xrpc_chan *ch,
			 struct xrpc_txq *q, u64 now)
{
	struct xrpc_call *c = ch->call;

	if (!may_answer(s))
		return;
	if (ch->state == XRPC_CHAN_VERDICT) {
		xrpc_send_status(s, chan, ch->seq, ch->verdict, q, now);
		return;
	}
	if (!c) {
		xrpc_send_status(s, chan, ch->seq, XRPC_ST_DROPPED, q, now);
		return;
	}
	switch (c->state) {
	case XRPC_CALL_ARRIVING:
		s->ack_now = true;
		break;
	case XRPC_CALL_QUEUED:
		c->told_acked = true;
		xrpc_send_status(s, chan, ch->seq, XRPC_ST_IN_PROGRESS, q, now);
		break;
	case XRPC_CALL_REPLIED:
		reply_again(s, c, q, now);
		break;
	default:
		xrpc_send_status(s, chan, ch->seq, XRPC_ST_DROPPED, q, now);
		break;
	}
}

/* A call object for a new sequence: the channel's own where nobody has it. */
static struct xrpc_call *fresh_call(struct xrpc_session *s, u16 chan,
				    struct xrpc_chan *ch)
{
	struct xrpc_call *c = ch->call;

	if (c && c->state == XRPC_CALL_REPLIED)
		xrpc_server_acked(s, c);
	if (likely(c && refcount_read(&c->ref) == 1)) {
		c->cflags = 0;
		c->handle = 0;
		return c;
	}
	if (c)
		xrpc_server_detach(s, ch);
	c = xrpc_call_alloc(GFP_ATOMIC | __GFP_NOWARN);
	if (!c)
		return NULL;
	xrpc_session_get(s);
	c->s = s;
	c->chan = chan;
	ch->call = c;
	return c;
}

/* Give a complete request to its socket, or record why not. */
static void deliver(struct xrpc_session *s, struct xrpc_chan *ch,
		    struct sock *sk, u32 charge, struct xrpc_txq *q, u64 now)
{
	struct xrpc_call *c = ch->call;
	u8 code = 0;

	if (c->kept)
		kept_uncharge(s, c);
	c->arrived = now;
	c->sk = sk;
	c->peer_addr = s->path.raddr;
	c->peer_port = s->path.rport;
	xrpc_call_set(c, XRPC_CALL_QUEUED);
	refcount_inc(&c->ref);
	spin_lock(&sk->sk_receive_queue.lock);
	if (!xrpc_rmem_charge(sk, charge, false)) {
		code = XRPC_ST_BUSY;
	} else {
		c->rx.charge = charge;
		if (xrpc_q_add(sk, c)) {
			xrpc_sk(sk)->load++;
		} else {
			xrpc_rmem_uncharge(sk, charge);
			c->rx.charge = 0;
			code = XRPC_ST_REFUSED;
		}
	}
	spin_unlock(&sk->sk_receive_queue.lock);
	if (unlikely(code)) {
		u16 chan = c->chan;

		xrpc_rx_free(&c->rx);
		xrpc_server_detach(s, ch);
		xrpc_call_put(c);
		if (code == XRPC_ST_BUSY)
			XRPC_INC(s->xn, Busy);
		else
			XRPC_INC(s->xn, Refused);
		xrpc_server_record(s, chan, ch, code, q, now);
		return;
	}
	XRPC_INC(s->xn, CallsIn);
	xrpc_session_arm(s, now + XRPC_ACK_DELAY_SERVER);
}

/* Why a new request cannot be taken, or 0 and the socket for it. */
static u8 find_socket(struct xrpc_session *s, u32 size, struct sock **skp)
{
	struct sock *sk = xrpc_endpoint_service(s->ep, s->service);
	u32 used;

	if (!sk)
		return XRPC_ST_REFUSED;
	if (READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN)
		return XRPC_ST_DRAINING;
	/* what is here already comes first */
	if (unlikely(sk_under_memory_pressure(sk)))
		return XRPC_ST_BUSY;
	used = atomic_read(&sk->sk_rmem_alloc);
	if (used && used + (u64)size > READ_ONCE(sk->sk_rcvbuf))
		return XRPC_ST_BUSY;
	*skp = sk;
	return 0;
}

static bool new_request(struct xrpc_session *s, struct xrpc_chan *ch,
			const struct xrpc_seg *seg, struct sk_buff *skb,
			struct xrpc_txq *q, u64 now)
{
	bool whole = seg->len == seg->total;
	struct xrpc_buf *buf = NULL;
	struct xrpc_call *c;
	struct sock *sk;
	u8 code;
	int err;

	code = find_socket(s, seg->total, &sk);
	/* what cannot be recorded is dropped without a verdict */
	if (likely(!code) && !whole) {
		buf = xrpc_buf_alloc(seg->total, false, GFP_ATOMIC);
		if (!buf) {
			XRPC_DROP(s->xn, skb, DropNoMem);
			return false;
		}
		/* those that are arriving shall arrive */
		if (!kept_room(s, buf->charge)) {
			xrpc_buf_free(buf);
			code = XRPC_ST_BUSY;
		}
	}
	if (unlikely(code)) {
		if (!may_answer(s))
			return false;
		if (code == XRPC_ST_BUSY)
			XRPC_INC(s->xn, Busy);
		else
			XRPC_INC(s->xn, Refused);
		if (ch->call) {
			xrpc_server_acked(s, ch->call);
			xrpc_server_detach(s, ch);
		}
		ch->seq = seg->seq;
		xrpc_server_record(s, seg->chan, ch, code, q, now);
		return true;
	}
	c = fresh_call(s, seg->chan, ch);
	if (!c || (!whole && !kept_charge(s, c, buf->charge))) {
		if (buf)
			xrpc_buf_free(buf);
		XRPC_DROP(s->xn, skb, DropLimit);
		return false;
	}
	ch->seq = seg->seq;
	xrpc_chan_set(s, seg->chan, ch, XRPC_CHAN_ACTIVE);
	__set_bit(seg->chan, s->busy);
	c->seq = seg->seq;
	c->heard = now;
	c->oneway = seg->flags & XRPC_DF_ONEWAY;
	c->told_acked = false;
	c->rx.len = seg->total;
	c->rx.word = seg->method;
	c->deadline = seg->deadline == XRPC_NO_DEADLINE ? U64_MAX :
		      now + (u64)seg->deadline * NSEC_PER_USEC;
	if (likely(whole)) {
		c->rx.skb = skb_get(skb);
		c->rx.off = seg->data - skb->data;
		deliver(s, ch, sk, skb->truesize, q, now);
		return true;
	}
	c->rx.buf = buf;
	xrpc_call_set(c, XRPC_CALL_ARRIVING);
	xrpc_session_arm(s, now + XRPC_GIVE_UP);
	err = xrpc_rx_segment(s, c, seg, skb, now);
	return !err;
}

/* One more segment of a request that is arriving. */
static bool more_request(struct xrpc_session *s, struct xrpc_chan *ch,
			 const struct xrpc_seg *seg, struct sk_buff *skb,
			 struct xrpc_txq *q, u64 now)
{
	struct xrpc_call *c = ch->call;
	struct sock *sk;
	int err;
	u8 code;

	if (!(seg->flags & XRPC_DF_TOTAL)) {
		XRPC_DROP(s->xn, skb, DropState);
		return true;
	}
	if (seg->flags & XRPC_DF_METHOD)
		c->rx.word = seg->method;
	err = xrpc_rx_segment(s, c, seg, skb, now);
	if (err == -EEXIST) {
		XRPC_INC(s->xn, DupRequests);
		s->ack_now = true;
		return true;
	}
	if (err <= 0)
		return !err;
	code = find_socket(s, c->rx.len, &sk);
	if (code) {
		XRPC_INC(s->xn, Refused);
		xrpc_server_detach(s, ch);
		xrpc_server_record(s, seg->chan, ch, code, q, now);
		return true;
	}
	deliver(s, ch, sk, c->rx.buf->charge, q, now);
	return true;
}

/**
 * xrpc_server_data() - take a piece of a request
 * @s: session, locked, under rcu_read_lock()
 * @seg: segment
 * @skb: packet it stands in
 * @q: receives packets
 * @now: ns
 *
 * Return: whether it was taken; if not it must not be acknowledged.
 */
bool xrpc_server_data(struct xrpc_session *s, const struct xrpc_seg *seg,
		      struct sk_buff *skb, struct xrpc_txq *q, u64 now)
{
	struct xrpc_chan *ch = xrpc_session_chan(s, seg->chan, true);
	struct xrpc_call *c;

	xrpc_assert_s(s);
	if (unlikely(!ch)) {
		XRPC_DROP(s->xn, skb, DropLimit);
		return false;
	}
	c = ch->call;
	/* sequences do not wrap: one that is lower ran, or never will */
	if (likely(seg->seq > ch->seq)) {
		if (unlikely(c && (c->state == XRPC_CALL_QUEUED ||
				   c->state == XRPC_CALL_ARRIVING))) {
			/* a channel carries one call at a time */
			XRPC_DROP(s->xn, skb, DropState);
			return true;
		}
		return new_request(s, ch, seg, skb, q, now);
	}
	if (seg->seq == ch->seq && c && c->state == XRPC_CALL_ARRIVING)
		return more_request(s, ch, seg, skb, q, now);
	XRPC_INC(s->xn, DupRequests);
	if (seg->seq == ch->seq)
		answer_again(s, seg->chan, ch, q, now);
	return true;
}

/**
 * xrpc_server_probe() - a client asks for a call
 * @s: session, locked
 * @chan: channel
 * @seq: sequence
 * @q: receives packets
 * @now: ns
 */
void xrpc_server_probe(struct xrpc_session *s, u16 chan, u32 seq,
		       struct xrpc_txq *q, u64 now)
{
	struct xrpc_chan *ch = xrpc_session_chan(s, chan, false);

	xrpc_assert_s(s);
	if (ch && seq == ch->seq)
		answer_again(s, chan, ch, q, now);
	else if ((!ch || seq > ch->seq) && may_answer(s))
		xrpc_send_status(s, chan, seq, XRPC_ST_NOCALL, q, now);
}

/**
 * xrpc_server_cancel() - a client gives up a call
 * @s: session, locked
 * @chan: channel
 * @seq: sequence, of a call perhaps not seen yet
 * @q: receives packets
 * @now: ns
 */
void xrpc_server_cancel(struct xrpc_session *s, u16 chan, u32 seq,
			struct xrpc_txq *q, u64 now)
{
	struct xrpc_chan *ch = xrpc_session_chan(s, chan, true);
	u8 code = XRPC_ST_CANCELED;
	struct xrpc_call *c;
	bool running;

	xrpc_assert_s(s);
	if (!ch || !seq || seq < ch->seq)
		return;
	c = ch->call;
	running = c && (c->state == XRPC_CALL_QUEUED ||
			c->state == XRPC_CALL_ARRIVING);
	if (seq == ch->seq && !running) {
		answer_again(s, chan, ch, q, now);
		return;
	}
	if (seq > ch->seq && running) {
		XRPC_DROP(s->xn, NULL, DropState);
		return;
	}
	if (!may_answer(s))
		return;
	if (c && !running) {
		xrpc_server_acked(s, c);
	} else if (c && c->state == XRPC_CALL_QUEUED && !unqueue(c)) {
		notice(c);
		code = XRPC_ST_DETACHED;
	}
	if (c)
		xrpc_server_detach(s, ch);
	ch->seq = seq;
	xrpc_server_record(s, chan, ch, code, q, now);
}

/* ---- answers --------------------------------------------------------- */

/* There is no room at all for an answer: its call ends unknown. */
static void drop_reply(struct xrpc_session *s, struct xrpc_call *c,
		       struct xrpc_txq *q, u64 now)
{
	struct xrpc_chan *ch = xrpc_session_chan(s, c->chan, false);
	u16 chan = c->chan;

	XRPC_INC(s->xn, RepliesDropped);
	xrpc_server_detach(s, ch);
	xrpc_server_record(s, chan, ch, XRPC_ST_DROPPED, q, now);
}

/**
 * xrpc_server_answer() - send a reply
 * @c: call with its reply in c->tx; the caller keeps its reference
 *
 * Process context, without locks.
 *
 * Return: 0; -ECANCELED the client gave the call up; -ETIMEDOUT its session
 * ended; -ENOBUFS too much is kept already.
 */
int xrpc_server_answer(struct xrpc_call *c)
{
	struct xrpc_session *s = c->s;
	u32 size = c->tx.buf ? c->tx.buf->charge : c->tx.skb->truesize;
	struct xrpc_txq q;
	int err = 0;
	u64 now;

	if (unlikely(s->tokenless))
		return xrpc_replay_answer(c);
	xrpc_session_begin(s, &q);
	if (unlikely(c->state != XRPC_CALL_QUEUED)) {
		err = s->state >= XRPC_SESS_CLOSED ? -ETIMEDOUT : -ECANCELED;
		goto out;
	}
	now = xrpc_now();
	while (unlikely(!kept_charge(s, c, size))) {
		if (drop_oldest_reply(s))
			continue;
		if (atomic_long_read(&s->xn->kept) + size >
		    2 * (u64)s->xn->sysctl_kept_max) {
			drop_reply(s, c, &q, now);
			err = -ENOBUFS;
			goto out;
		}
		/* others fill the budget: it goes out all the same */
		c->kept = size;
		s->kept += size;
		atomic_long_add(size, &s->xn->kept);
		break;
	}
	c->sk = NULL;
	c->heard = now;
	xrpc_call_set(c, XRPC_CALL_REPLIED);
	__set_bit(c->chan, s->busy);
	XRPC_INC(s->xn, CallsAnswered);
	xrpc_send_call(s, c, &q, now);
out:
	xrpc_session_end(s, &q);
	return err;
}
