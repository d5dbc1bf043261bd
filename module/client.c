// SPDX-License-Identifier: GPL-2.0-only
/*
 * The client's half of a call: from the socket onto a channel, and back with a
 * reply, a verdict, or the knowledge that neither came.
 */
#include "internal.h"
#include "trace.h"

/**
 * xrpc_client_end() - a call is over: tell whoever made it
 * @c: call of a locked session, off its channel and all lists
 * @outcome: how it ended
 * @error: errno, 0 if replied
 *
 * Under rcu_read_lock().  Takes over the caller's reference.
 */
void xrpc_client_end(struct xrpc_call *c, u8 outcome, int error)
{
	struct xrpc_session *s = c->s;
	struct sock *sk = c->sk;
	struct task_struct *waiter;
	bool queued = false;

	xrpc_assert_s(s);
	if (unlikely(c->replayed && outcome == XRPC_NOT_EXECUTED)) {
		/* this time not; what became of it before is not known */
		outcome = XRPC_UNKNOWN;
		error = ECONNRESET;
	}
	xrpc_tx_settled(s, c, outcome == XRPC_REPLIED);
	xrpc_call_set(c, XRPC_CALL_DONE);
	if (outcome == XRPC_REPLIED)
		XRPC_INC(s->xn, CallsReplied);
	else if (outcome == XRPC_NOT_EXECUTED)
		XRPC_INC(s->xn, CallsNotExecuted);
	else
		XRPC_INC(s->xn, CallsUnknown);

	spin_lock(&sk->sk_receive_queue.lock);
	xrpc_wmem_uncharge(sk, c);
	c->outcome = outcome;
	c->error = error;
	if (outcome != XRPC_REPLIED && c->rx.charge) {
		xrpc_rmem_uncharge(sk, c->rx.charge);
		c->rx.charge = 0;
	}
	if (c->cflags & XRPC_CALLF_WAITER) {
		waiter = c->waiter;
		/* pairs with wait_told(), which goes on without the lock: the
		 * task may end from here on, and is RCU's
		 */
		smp_store_release(&c->cflags, c->cflags | XRPC_CALLF_TOLD);
		wake_up_process(waiter);
	} else {
		if (outcome != XRPC_REPLIED || !(c->cflags & XRPC_CALLF_QUIET)) {
			/* charged even where there is nothing to read */
			if (!c->rx.charge &&
			    xrpc_rmem_charge(sk, sizeof(*c), true))
				c->rx.charge = sizeof(*c);
			queued = xrpc_q_add(sk, c);
		}
		if (!queued) {
			xrpc_cookie_del(xrpc_sk(sk), c);
			if (c->rx.charge)
				xrpc_rmem_uncharge(sk, c->rx.charge);
			c->rx.charge = 0;
		}
	}
	spin_unlock(&sk->sk_receive_queue.lock);
	if (!queued)
		xrpc_call_put(c);
}

/* Take a call off its channel, which may carry the next one. */
static void off_channel(struct xrpc_session *s, struct xrpc_chan *ch, u64 now)
{
	struct xrpc_call *c = ch->call;

	__clear_bit(c->chan, s->busy);
	ch->call = NULL;
	xrpc_chan_set(s, c->chan, ch, XRPC_CHAN_IDLE);
	s->used = now;
}

/* Put a call on a channel, to be sent.  Returns whether one was free. */
static bool on_channel(struct xrpc_session *s, struct xrpc_call *c)
{
	struct xrpc_chan *ch;
	unsigned int i;

	for (;;) {
		i = find_first_zero_bit(s->busy, s->chans);
		if (i >= s->chans)
			return false;
		ch = xrpc_session_chan(s, i, true);
		if (!ch)
			return false;
		__set_bit(i, s->busy);
		if (likely(ch->seq != U32_MAX))
			break;
		/* its sequences are used up: it stays busy for good */
	}
	__clear_bit(i, s->owed);	/* this call acknowledges the reply */
	ch->call = c;
	ch->seq++;
	xrpc_chan_set(s, i, ch, XRPC_CHAN_ACTIVE);
	c->chan = i;
	c->seq = ch->seq;
	xrpc_call_set(c, XRPC_CALL_SENDING);
	return true;
}

/**
 * xrpc_client_assign() - give channels to calls that wait for one
 * @s: session, locked
 * @q: receives packets
 * @now: ns
 */
void xrpc_client_assign(struct xrpc_session *s, struct xrpc_txq *q, u64 now)
{
	struct xrpc_call *c, *tmp;

	xrpc_assert_s(s);
	if (s->state != XRPC_SESS_OPENING && s->state != XRPC_SESS_OPEN &&
	    s->state != XRPC_SESS_TOKEN)
		return;
	list_for_each_entry_safe(c, tmp, &s->pending, link) {
		if (c->retry > now)
			continue;
		if (s->state == XRPC_SESS_TOKEN) {
			/* without a token: what may run any number of times */
			if (c->tx.buf || c->tx.flags & XRPC_DF_ONEWAY ||
			    !(c->tx.flags & XRPC_DF_REPLAYABLE))
				continue;
			c->tokenless = true;
			c->replayed = true;
		}
		list_del_init(&c->link);
		if (!on_channel(s, c)) {
			list_add(&c->link, &s->pending);
			break;
		}
		list_add_tail(&c->tx_link, &s->txq);
	}
	xrpc_send_pump(s, q, now);
}

/**
 * xrpc_client_restart() - have a call sent from its beginning
 * @s: session, locked
 * @c: call on a channel, or off all lists
 */
void xrpc_client_restart(struct xrpc_session *s, struct xrpc_call *c)
{
	struct xrpc_tx *tx = &c->tx;
	struct sock *sk = c->sk;

	xrpc_assert_s(s);
	tx->next = 0;
	tx->last_pn = U64_MAX;
	tx->acked = false;
	tx->backoff = 0;
	tx->in_flight = 0;
	if (tx->buf) {
		tx->buf->have.n = 0;
		tx->buf->lost.n = 0;
	}
	if (unlikely(c->rx.buf)) {
		/* the beginning of a reply that will not go on */
		if (c->rx.charge) {
			spin_lock(&sk->sk_receive_queue.lock);
			xrpc_rmem_uncharge(sk, c->rx.charge);
			spin_unlock(&sk->sk_receive_queue.lock);
			c->rx.charge = 0;
		}
		xrpc_rx_free(&c->rx);
	}
}

/*
 * A replayable call ended otherwise than by a reply: put it back to be sent
 * again under another sequence.  Returns whether it was.
 */
static bool replay(struct xrpc_session *s, struct xrpc_call *c, u64 now)
{
	if (!(c->tx.flags & XRPC_DF_REPLAYABLE) ||
	    c->state == XRPC_CALL_CANCELING)
		return false;
	xrpc_tx_settled(s, c, false);
	xrpc_client_restart(s, c);
	c->tx.last_sent = 0;
	c->replayed = true;
	c->retry = now + (XRPC_RETRY_MIN << min_t(u8, c->retries, 5));
	if (c->retries < 255)
		c->retries++;
	xrpc_call_set(c, XRPC_CALL_PENDING);
	list_add_tail(&c->link, &s->pending);
	xrpc_session_arm(s, c->retry);
	return true;
}

/**
 * xrpc_client_start() - begin a call
 * @c: call of its session, complete; the caller keeps its reference
 * @timeout: ns that it may take
 *
 * Process context, without locks.
 *
 * Return: 0; -EAGAIN the session is over, another is needed.
 */
int xrpc_client_start(struct xrpc_call *c, u64 timeout)
{
	struct xrpc_session *s = c->s;
	struct xrpc_txq q;
	bool first;
	u64 now;
	int err = 0;

	xrpc_session_begin(s, &q);
	if (unlikely(s->state >= XRPC_SESS_CLOSED)) {
		err = -EAGAIN;
		goto out;
	}
	now = xrpc_now();
	refcount_inc(&c->ref);
	c->deadline = now + timeout;
	c->heard = now;
	s->used = now;
	XRPC_INC(s->xn, CallsOut);
	if (likely(list_empty(&s->pending)) && s->state == XRPC_SESS_OPEN &&
	    on_channel(s, c)) {
		xrpc_send_call(s, c, &q, now);
	} else {
		first = list_empty(&s->pending) &&
			bitmap_empty(s->busy, XRPC_CHANS_MAX);
		xrpc_call_set(c, XRPC_CALL_PENDING);
		list_add_tail(&c->link, &s->pending);
		if (s->state == XRPC_SESS_NEW) {
			xrpc_session_set(s, XRPC_SESS_TOKEN);
			s->open_sent = now;
			xrpc_send_token_req(s, &q, now);
		}
		/* it does not take over how long others waited in vain */
		if (first && (s->state == XRPC_SESS_TOKEN ||
			      s->state == XRPC_SESS_REOPENING)) {
			s->open_since = now;
			s->open_backoff = 0;
			xrpc_session_arm(s, s->open_sent +
					    xrpc_rtt_pto(&s->rtt, 0, 0));
		}
		xrpc_client_assign(s, &q, now);
	}
	xrpc_session_arm(s, c->deadline);
out:
	xrpc_session_end(s, &q);
	return err;
}

/**
 * xrpc_client_abandon() - end a call from this side
 * @c: call of a locked session
 * @error: errno to end it with if it may run
 * @q: receives packets
 * @now: ns
 *
 * The caller is told at once; the channel stays taken until the server has
 * acknowledged the cancel.
 */
void xrpc_client_abandon(struct xrpc_call *c, int error, struct xrpc_txq *q,
			 u64 now)
{
	struct xrpc_session *s = c->s;
	struct xrpc_chan *ch;

	xrpc_assert_s(s);
	if (c->state == XRPC_CALL_DONE)
		return;
	if (c->state == XRPC_CALL_PENDING) {
		list_del_init(&c->link);
	} else {
		ch = xrpc_session_chan(s, c->chan, false);
		ch->call = NULL;
		xrpc_chan_set(s, c->chan, ch, XRPC_CHAN_CANCELING);
		ch->backoff = 0;
		ch->since = now;
		ch->due = now + xrpc_call_pto(s, NULL);
		xrpc_send_callref(s, XRPC_FT_CANCEL, c->chan, c->seq, q, now);
		xrpc_session_arm(s, ch->due);
	}
	if (!list_empty(&c->tx_link))
		list_del_init(&c->tx_link);
	if (c->first_sent)
		xrpc_client_end(c, XRPC_UNKNOWN, error);
	else
		xrpc_client_end(c, XRPC_NOT_EXECUTED,
				error == EINTR ? EINTR : ETIME);
}

/**
 * xrpc_client_cancel() - give up a call, and learn what became of it
 * @s: session it was seen with
 * @c: call; the caller holds references to both
 *
 * The call ends with the server's word: not executed, unknown, or the reply
 * after all.  Process context, without locks.
 *
 * Return: 0; -ENOENT it has not begun; -EALREADY it has ended.
 */
int xrpc_client_cancel(struct xrpc_session *s, struct xrpc_call *c)
{
	struct xrpc_txq q;
	int err = 0;
	u64 now;

	xrpc_session_begin(s, &q);
	/* one that moves to another session meanwhile has not begun */
	switch (c->s == s ? c->state : XRPC_CALL_IDLE) {
	case XRPC_CALL_IDLE:
		err = -ENOENT;
		break;
	case XRPC_CALL_DONE:
		err = -EALREADY;
		break;
	case XRPC_CALL_PENDING:
		list_del_init(&c->link);
		xrpc_client_end(c, XRPC_NOT_EXECUTED, ECANCELED);
		break;
	case XRPC_CALL_SENDING:
	case XRPC_CALL_WAITING:
		now = xrpc_now();
		if (!list_empty(&c->tx_link))
			list_del_init(&c->tx_link);
		xrpc_call_set(c, XRPC_CALL_CANCELING);
		c->tx.backoff = 0;
		c->tx.last_sent = now;
		xrpc_send_callref(s, XRPC_FT_CANCEL, c->chan, c->seq, &q, now);
		xrpc_session_arm(s, now + xrpc_call_pto(s, NULL));
		break;
	default:		/* the reply is coming, or it was cancelled */
		break;
	}
	xrpc_session_end(s, &q);
	return err;
}

/* The reply is complete. */
static void replied(struct xrpc_session *s, struct xrpc_chan *ch,
		    struct xrpc_txq *q, u64 now)
{
	struct xrpc_call *c = ch->call;

	off_channel(s, ch, now);
	__set_bit(c->chan, s->owed);
	ch->due = now + XRPC_ACK_DELAY_CLIENT;
	xrpc_session_arm(s, ch->due);
	xrpc_client_end(c, XRPC_REPLIED, 0);
	if (unlikely(!list_empty(&s->pending)))
		xrpc_client_assign(s, q, now);
	else if (unlikely(!list_empty(&s->txq)))
		xrpc_send_pump(s, q, now);
}

/* Whether the client's socket has room for a reply.  Charges it. */
static bool admit(struct xrpc_call *c, u32 charge)
{
	struct sock *sk = c->sk;
	bool ok;

	if (c->cflags & XRPC_CALLF_WAITER)
		return true;	/* one a thread, and it is waiting */
	spin_lock(&sk->sk_receive_queue.lock);
	ok = xrpc_rmem_charge(sk, charge, false);
	spin_unlock(&sk->sk_receive_queue.lock);
	if (ok)
		c->rx.charge = charge;
	return ok;
}

/**
 * xrpc_client_data() - take a piece of a reply
 * @s: session, locked
 * @seg: segment
 * @skb: packet it stands in
 * @q: receives packets
 * @now: ns
 *
 * Return: whether it was taken; if not it must not be acknowledged.
 */
bool xrpc_client_data(struct xrpc_session *s, const struct xrpc_seg *seg,
		      struct sk_buff *skb, struct xrpc_txq *q, u64 now)
{
	struct xrpc_chan *ch = xrpc_session_chan(s, seg->chan, false);
	struct xrpc_call *c;
	int err;

	xrpc_assert_s(s);
	if (!ch || seg->seq > ch->seq) {
		XRPC_DROP(s->xn, skb, DropState);
		return true;
	}
	c = ch->call;
	if (seg->seq != ch->seq || !c) {
		XRPC_INC(s->xn, DupReplies);
		if (seg->seq != ch->seq)
			return true;
		if (ch->state == XRPC_CHAN_CANCELING) {
			/* replied before the cancel came: that settles it */
			xrpc_chan_set(s, seg->chan, ch, XRPC_CHAN_IDLE);
			__clear_bit(seg->chan, s->busy);
			xrpc_client_assign(s, q, now);
		}
		if (ch->state == XRPC_CHAN_IDLE)
			__set_bit(seg->chan, s->owed);
		s->ack_now = true;
		return true;
	}
	if (c->rx.buf && !(seg->flags & XRPC_DF_TOTAL))
		return true;
	if (!c->rx.buf && seg->len == seg->total) {
		if (!admit(c, skb->truesize)) {
			XRPC_DROP(s->xn, skb, DropWindow);
			return false;
		}
		c->rx.skb = skb_get(skb);
		c->rx.off = seg->data - skb->data;
		c->rx.len = seg->len;
		c->rx.word = seg->method;
		xrpc_tx_settled(s, c, true);
		replied(s, ch, q, now);
		return true;
	}
	if (!c->rx.buf) {
		c->rx.buf = xrpc_buf_alloc(seg->total, false, GFP_ATOMIC);
		if (!c->rx.buf) {
			XRPC_DROP(s->xn, skb, DropNoMem);
			return false;
		}
		if (!admit(c, c->rx.buf->charge)) {
			xrpc_buf_free(c->rx.buf);
			c->rx.buf = NULL;
			XRPC_DROP(s->xn, skb, DropWindow);
			return false;
		}
		c->rx.len = seg->total;
		c->rx.word = 0;
		/* a reply acknowledges its whole request */
		xrpc_tx_settled(s, c, true);
		xrpc_call_set(c, XRPC_CALL_RECEIVING);
	}
	if (seg->flags & XRPC_DF_METHOD)
		c->rx.word = seg->method;
	c->heard = now;
	err = xrpc_rx_segment(s, c, seg, skb, now);
	if (err == 1) {
		replied(s, ch, q, now);
		return true;
	}
	if (err == -EEXIST) {
		XRPC_INC(s->xn, DupReplies);
		s->ack_now = true;
		return true;
	}
	return !err;
}

static int status_errno(u8 code)
{
	switch (code) {
	case XRPC_ST_BUSY:
		return EBUSY;
	case XRPC_ST_DRAINING:
		return ESHUTDOWN;
	case XRPC_ST_EXPIRED:
		return ETIME;
	case XRPC_ST_CANCELED:
		return ECANCELED;
	default:
		return ECONNREFUSED;
	}
}

/**
 * xrpc_client_status() - take the server's word on a call
 * @s: session, locked
 * @chan: channel
 * @seq: sequence
 * @code: enum xrpc_status_code
 * @q: receives packets
 * @now: ns
 */
void xrpc_client_status(struct xrpc_session *s, u16 chan, u32 seq, u8 code,
			struct xrpc_txq *q, u64 now)
{
	struct xrpc_chan *ch = xrpc_session_chan(s, chan, false);
	struct xrpc_call *c;

	xrpc_assert_s(s);
	if (!ch || ch->seq != seq)
		return;
	c = ch->call;
	if (!c) {
		if (ch->state == XRPC_CHAN_CANCELING &&
		    ((code >= XRPC_ST_BUSY && code <= XRPC_ST_CANCELED) ||
		     (code >= XRPC_ST_ABORTED && code <= XRPC_ST_DETACHED))) {
			xrpc_chan_set(s, chan, ch, XRPC_CHAN_IDLE);
			__clear_bit(chan, s->busy);
			xrpc_client_assign(s, q, now);
		}
		return;
	}
	c->heard = now;
	c->tx.backoff = 0;
	switch (code) {
	case XRPC_ST_IN_PROGRESS:
		xrpc_tx_settled(s, c, true);
		if (c->state == XRPC_CALL_SENDING)
			xrpc_call_set(c, XRPC_CALL_WAITING);
		return;
	case XRPC_ST_NOCALL:
		if (c->state == XRPC_CALL_SENDING) {
			xrpc_tx_lost_all(s, c);
			xrpc_send_pump(s, q, now);
			return;
		}
		if (c->state == XRPC_CALL_CANCELING)
			return;		/* to an older question */
		off_channel(s, ch, now);
		if (!replay(s, c, now))
			xrpc_client_end(c, XRPC_UNKNOWN, ECONNRESET);
		break;
	case XRPC_ST_BUSY ... XRPC_ST_CANCELED:
		off_channel(s, ch, now);
		/* one that was sent before may find no server for a while */
		if (code == XRPC_ST_EXPIRED || !c->replayed ||
		    !replay(s, c, now))
			xrpc_client_end(c, XRPC_NOT_EXECUTED,
					status_errno(code));
		break;
	case XRPC_ST_ABORTED ... XRPC_ST_DETACHED:
		off_channel(s, ch, now);
		if (!replay(s, c, now))
			xrpc_client_end(c, XRPC_UNKNOWN, ECONNRESET);
		break;
	default:
		XRPC_DROP(s->xn, NULL, DropState);
		return;
	}
	xrpc_client_assign(s, q, now);
}
