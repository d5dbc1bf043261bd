// SPDX-License-Identifier: GPL-2.0-only
/*
 * Replayable calls of clients without a token: they save the round trip that
 * asking for one costs.
 *
 * Who sends them may be anywhere, so that they get little: one packet each way,
 * the second at most three times the first, nothing by a timer, and no state but
 * the queued call.  They stand outside of at-most-once.
 */
#include "internal.h"
#include "trace.h"

/* The one frame that may stand behind OPEN. */
static bool read_request(const struct sk_buff *skb, struct xrpc_seg *seg)
{
	struct xrpc_cursor c;

	if (xrpc_wire_first(&c, skb->data, skb->len) != 1 ||
	    xrpc_wire_next(&c) != 1 || c.type != XRPC_FT_DATA || c.left)
		return false;
	xrpc_wire_data(&c, seg, XRPC_MSG_MAX);
	return seg->flags & XRPC_DF_REPLAYABLE &&
	       !(seg->flags & (XRPC_DF_TOTAL | XRPC_DF_ONEWAY));
}

/**
 * xrpc_replay_packet() - take an opening packet without a token
 * @ep: endpoint
 * @skb: packet, at its XRPC header
 * @f: its OPEN frame
 * @from: where it came from
 * @now: ns
 *
 * The call hangs on a session of its own that is in no table and has no timer,
 * and goes with it.  Under rcu_read_lock().
 *
 * Return: whether it was taken; else it is to be answered by a token.
 */
bool xrpc_replay_packet(struct xrpc_endpoint *ep, struct sk_buff *skb,
			const struct xrpc_open *f, const struct xrpc_path *from,
			u64 now)
{
	struct xrpc_net *xn = ep->xn;
	struct xrpc_session *s;
	struct xrpc_seg seg;
	struct xrpc_txq q;
	struct sock *sk;

	if (!read_request(skb, &seg))
		return false;
	sk = xrpc_endpoint_service(ep, be32_to_cpu(f->service));
	if (!sk || !READ_ONCE(xrpc_sk(sk)->accept_replayable) ||
	    READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN)
		return false;
	if (atomic_inc_return(&xn->ntokenless) >
	    READ_ONCE(xn->sysctl_max_tokenless))
		goto refuse;
	s = xrpc_session_alloc(ep, true, GFP_ATOMIC | __GFP_NOWARN);
	if (!s)
		goto refuse;
	s->tokenless = true;
	s->service = be32_to_cpu(f->service);
	s->path = *from;
	s->path.uid = ep->uid;
	s->path.mss = XRPC_MSS_MAX;	/* the limit below is tighter */
	s->remote.id = xrpc_get64(f->client_id);
	s->unproven_rx = skb->len;
	s->echo_pn = be32_to_cpu(((const struct xrpc_hdr *)skb->data)->pn);
	XRPC_INC(xn, Tokenless);
	xrpc_txq_init(&q);
	spin_lock(&s->lock);
	xrpc_server_data(s, &seg, skb, &q, now);
	spin_unlock(&s->lock);
	xrpc_txq_flush(ep, &q);
	xrpc_session_put(s);		/* the call has one, if there is one */
	return true;

refuse:
	atomic_dec(&xn->ntokenless);
	XRPC_DROP(xn, skb, DropLimit);
	return false;
}

/**
 * xrpc_replay_answer() - answer a call that came without a token
 * @c: call with its reply in c->tx; the caller keeps its reference
 *
 * A reply of more than three times the request is not sent: the client gets a
 * token, with which it may call again.  Process context, without locks.
 *
 * Return: as xrpc_server_answer().
 */
int xrpc_replay_answer(struct xrpc_call *c)
{
	struct xrpc_session *s = c->s;
	struct xrpc_endpoint *ep = s->ep;
	struct xrpc_tx *tx = &c->tx;
	struct xrpc_seg seg = {
		.chan = c->chan,
		.seq = c->seq,
		.len = tx->len,
		.total = tx->len,
		.method = tx->word,
		.deadline = XRPC_NO_DEADLINE,
		.flags = tx->flags | XRPC_DF_EOM | XRPC_DF_EOH,
	};
	struct xrpc_path back = s->path;
	u8 head[32];
	bool mine;
	u32 len;

	spin_lock_bh(&s->lock);
	mine = c->state == XRPC_CALL_QUEUED;
	if (mine)
		xrpc_server_detach(s, xrpc_session_chan(s, c->chan, false));
	spin_unlock_bh(&s->lock);
	if (!mine)
		return -ECANCELED;
	XRPC_INC(s->xn, CallsAnswered);

	rcu_read_lock();
	if (READ_ONCE(ep->dead))
		goto out;
	len = xrpc_wire_put_data(head, &seg);
	if (tx->buf || XRPC_WIRE_HDR_LEN + len + tx->len > 3 * s->unproven_rx)
		xrpc_open_send_retry(ep, &back, s->remote.id, s->echo_pn,
				     false, xrpc_now());
	else
		xrpc_send_stray(ep, &back, s->remote.id, s->echo_pn, head, len,
				tx->skb->data, tx->len);
out:
	rcu_read_unlock();
	return 0;
}

/**
 * xrpc_replay_reply() - a client receives a packet with DATA but no session
 * @s: session whose server's id is not known yet
 * @seg: the packet's one frame
 * @skb: packet, at its XRPC header
 *
 * It comes from no session, and its number is none of one.  Under
 * rcu_read_lock().
 */
void xrpc_replay_reply(struct xrpc_session *s, const struct xrpc_seg *seg,
		       struct sk_buff *skb)
{
	struct xrpc_chan *ch;
	struct xrpc_txq q;
	u64 now;

	xrpc_txq_init(&q);
	spin_lock(&s->lock);
	ch = xrpc_session_chan(s, seg->chan, false);
	if ((s->state == XRPC_SESS_TOKEN || s->state == XRPC_SESS_OPENING) &&
	    !s->in_remotes && xrpc_input_from_peer(s, skb) && ch && ch->call &&
	    ch->call->tokenless && ch->seq == seg->seq &&
	    !(seg->flags & XRPC_DF_TOTAL)) {
		now = xrpc_now();
		s->heard = now;
		xrpc_client_data(s, seg, skb, &q, now);
		/* nobody waits for an acknowledgement */
		__clear_bit(seg->chan, s->owed);
	} else {
		XRPC_DROP(s->xn, skb, DropState);
	}
	spin_unlock(&s->lock);
	xrpc_txq_flush(s->ep, &q);
}
