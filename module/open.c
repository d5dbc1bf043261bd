// SPDX-License-Identifier: GPL-2.0-only
/*
 * How sessions open, and open again: tokens, ids, the server that forgot.
 *
 * A client asks for a token, puts it on its opening packets, and learns the
 * server's id from the first answer.  A server that does not know an id says
 * so; the client then asks again, naming what it knew, and the answer decides
 * what became of its calls.
 */
#include <net/ipv6.h>

#include "internal.h"
#include "trace.h"

/* ---- client ---------------------------------------------------------- */

static void remember_peer(struct xrpc_session *s, u64 now)
{
	struct xrpc_peer_info info = {
		.token = s->token,
		.epoch = s->epoch,
		.expires = now + XRPC_TOKEN_LIFETIME / 2,
		.rtt = s->rtt,
		.laddr = s->path.laddr,
		.lport = s->ep->port,
	};

	xrpc_peer_put(s->xn, &s->path, &info);
}

/* A request that may be sent again starts over on its channel. */
static void restart_call(struct xrpc_session *s, struct xrpc_call *c)
{
	xrpc_client_restart(s, c);
	xrpc_call_set(c, XRPC_CALL_SENDING);
	if (list_empty(&c->tx_link))
		list_add_tail(&c->tx_link, &s->txq);
}

static bool may_replay(const struct xrpc_call *c)
{
	return c->tx.flags & XRPC_DF_REPLAYABLE &&
	       c->state != XRPC_CALL_CANCELING;
}

/*
 * Whether the server's records reach back to when something was first sent (0:
 * never): if they know nothing of it, it did not arrive.  Both sides' clocks may
 * differ by 0.1 % and 1 ms; where this host stood still meanwhile its clock is
 * not believed at all.
 */
static bool covered(const struct xrpc_session *s, u64 since, u64 horizon)
{
	u64 age = ktime_get_boottime_ns() - since;

	return !since || (since >= s->stalled &&
			  age + age / 1000 + NSEC_PER_MSEC < horizon);
}

/* How far back a token says that the server's records reach, ns. */
static u64 horizon_of(const struct xrpc_session *s,
		      const struct xrpc_token_frame *f)
{
	/* it is another host's where an address is many */
	if (!READ_ONCE(s->xn->sysctl_trust_horizon))
		return 0;
	return min_t(u64, xrpc_get64(f->horizon),
		     XRPC_IDLE_SERVER / NSEC_PER_USEC) * NSEC_PER_USEC;
}

/*
 * The server does not know the session any more.  A request ran only if it
 * arrived, and the server's records reach back @horizon: one first sent within
 * it did not run.
 */
static int reopened(struct xrpc_session *s, u64 horizon, u64 now)
{
	struct xrpc_call *c;
	unsigned int i;
	bool new;
	int err;

	s->cong.in_flight = 0;
	err = xrpc_session_renew(s);
	for_each_set_bit(i, s->busy, XRPC_CHANS_MAX) {
		struct xrpc_chan *ch = xrpc_session_chan(s, i, false);

		c = ch->call;
		if (!c) {
			/* a cancel: there is nothing left to cancel */
			if (ch->state == XRPC_CHAN_CANCELING) {
				xrpc_chan_set(s, i, ch, XRPC_CHAN_IDLE);
				__clear_bit(i, s->busy);
			}
			continue;
		}
		new = !c->first_sent ||
		      (!c->tx.acked && !err && covered(s, c->first_sent, horizon));
		if (new && c->state == XRPC_CALL_SENDING) {
			restart_call(s, c);
			continue;
		}
		if (may_replay(c) && !err) {
			c->replayed = true;
			restart_call(s, c);
			continue;
		}
		__clear_bit(i, s->busy);
		ch->call = NULL;
		xrpc_chan_set(s, i, ch, XRPC_CHAN_IDLE);
		if (!list_empty(&c->tx_link))
			list_del_init(&c->tx_link);
		if (new && c->state == XRPC_CALL_CANCELING)
			xrpc_client_end(c, XRPC_NOT_EXECUTED, ECANCELED);
		else
			xrpc_client_end(c, XRPC_UNKNOWN, ECONNRESET);
	}
	return err;
}

/* A token tells that the server's records are not those the session began with. */
static int forgotten(struct xrpc_session *s, const struct xrpc_token_frame *f,
		     u64 now)
{
	int err = reopened(s, horizon_of(s, f), now);

	if (err)
		xrpc_session_close(s, NULL, ECONNRESET, XRPC_UNKNOWN);
	else
		xrpc_session_set(s, XRPC_SESS_OPENING);
	return err;
}

/*
 * Whether a RETRY's token may go on the same ids.  Not where it could open a
 * session a second time, whose calls ran: it is of the epoch that the session's
 * tokens are of, and that endpoint has the session, or never had it.  It keeps a
 * session for XRPC_IDLE_SERVER at least, so it has none that was first asked for
 * within that time.
 */
static bool may_keep(const struct xrpc_session *s,
		     const struct xrpc_token_frame *f)
{
	if (s->state == XRPC_SESS_TOKEN)
		return true;
	return xrpc_get64(f->epoch) == s->epoch &&
	       (f->h.flags & XRPC_TF_ALIVE ||
		(!s->in_remotes &&
		 covered(s, s->first_open, XRPC_IDLE_SERVER)));
}

static void ask_again(struct xrpc_session *s, struct xrpc_txq *q, u64 now)
{
	xrpc_session_set(s, XRPC_SESS_REOPENING);
	s->open_since = now;
	s->open_sent = now;
	s->open_backoff = 0;
	s->open_pn = s->next_pn;
	xrpc_send_token_req(s, q, now);
	xrpc_session_arm(s, now + xrpc_rtt_pto(&s->rtt, 0, 0));
}

/*
 * The server wants another token on an opening packet (number @echo): there was
 * none, the old one ran out, or our address is a new one to it.  Returns whether
 * the token is to be taken.
 */
static bool retry(struct xrpc_session *s, const struct xrpc_token_frame *f,
		  u64 echo, struct xrpc_txq *q, u64 now)
{
	struct xrpc_call *c;
	unsigned int i;

	/* one that it has already is no news */
	if (!memcmp(&s->token, &f->token, sizeof(s->token)))
		return false;
	if (may_keep(s, f)) {
		xrpc_session_set(s, XRPC_SESS_OPENING);
		for_each_set_bit(i, s->busy, XRPC_CHANS_MAX) {
			c = xrpc_session_chan(s, i, false)->call;
			if (c && c->state == XRPC_CALL_SENDING &&
			    c->tx.last_sent)
				xrpc_tx_lost_all(s, c);
		}
		return true;
	}
	/* Of a later life, as good as the answer to a question; where it answers
	 * what was sent before this token was here, perhaps of an earlier one.
	 */
	if (xrpc_get64(f->epoch) != s->epoch)
		return echo >= s->token_pn && !forgotten(s, f, now);
	if (s->in_remotes)
		ask_again(s, q, now);
	else	/* a new id could take over while the old one still opens */
		xrpc_session_close(s, NULL, ECONNRESET, XRPC_UNKNOWN);
	return false;
}

/**
 * xrpc_open_token() - a client receives a token
 * @s: session, locked
 * @f: the frame
 * @echo: number of the packet it answers, of those sent
 * @q: receives packets
 * @now: ns
 */
void xrpc_open_token(struct xrpc_session *s, const struct xrpc_token_frame *f,
		     u64 echo, struct xrpc_txq *q, u64 now)
{
	u64 epoch = xrpc_get64(f->epoch);

	xrpc_assert_s(s);
	switch (s->state) {
	case XRPC_SESS_REOPENING:
		/* an answer to an older packet says nothing of now */
		if (f->h.flags & XRPC_TF_RETRY || echo < s->open_pn)
			return;
		if (f->h.flags & XRPC_TF_ALIVE && epoch == s->epoch) {
			xrpc_session_set(s, XRPC_SESS_OPEN);
			break;
		}
		if (forgotten(s, f, now))
			return;
		break;
	case XRPC_SESS_TOKEN:
	case XRPC_SESS_OPENING:
	case XRPC_SESS_OPEN:
		if (!(f->h.flags & XRPC_TF_RETRY)) {
			if (s->state != XRPC_SESS_TOKEN)
				return;
			xrpc_session_set(s, XRPC_SESS_OPENING);
			break;
		}
		if (!retry(s, f, echo, q, now))
			return;
		break;
	default:
		return;
	}
	s->token = f->token;
	s->token_pn = s->next_pn;
	s->epoch = epoch;
	s->open_backoff = 0;
	remember_peer(s, now);
	xrpc_client_assign(s, q, now);
}

/**
 * xrpc_open_closed() - the other side ended the session
 * @s: session, locked
 * @q: receives packets
 * @now: ns
 *
 * A client's replayable calls wait for the server to come back; all others
 * end.
 */
void xrpc_open_closed(struct xrpc_session *s, struct xrpc_txq *q, u64 now)
{
	struct xrpc_call *c;
	bool stay = false;
	unsigned int i;

	xrpc_assert_s(s);
	for_each_set_bit(i, s->busy, XRPC_CHANS_MAX) {
		c = s->server ? NULL : xrpc_session_chan(s, i, false)->call;
		stay |= c && may_replay(c);
	}
	list_for_each_entry(c, &s->pending, link)
		stay |= may_replay(c);
	if (stay && s->state == XRPC_SESS_REOPENING)
		return;
	if (!stay || s->state != XRPC_SESS_OPEN) {
		xrpc_session_close(s, NULL, ECONNRESET, XRPC_UNKNOWN);
		return;
	}
	for_each_set_bit(i, s->busy, XRPC_CHANS_MAX) {
		struct xrpc_chan *ch = xrpc_session_chan(s, i, false);

		c = ch->call;
		if (c && may_replay(c))
			continue;
		__clear_bit(i, s->busy);
		ch->call = NULL;
		xrpc_chan_set(s, i, ch, XRPC_CHAN_IDLE);
		if (!c)
			continue;
		if (!list_empty(&c->tx_link))
			list_del_init(&c->tx_link);
		xrpc_client_end(c, XRPC_UNKNOWN, ECONNRESET);
	}
	ask_again(s, q, now);
}

/**
 * xrpc_open_accept() - a client learns the server's id
 * @s: session, locked
 * @f: the frame
 * @q: receives packets
 * @now: ns
 */
void xrpc_open_accept(struct xrpc_session *s, const struct xrpc_accept *f,
		      struct xrpc_txq *q, u64 now)
{
	u64 delay = (u64)be32_to_cpu(f->ack_delay) * NSEC_PER_USEC;
	u64 id = xrpc_get64(f->server_id);
	u16 chans = be16_to_cpu(f->chans);

	xrpc_assert_s(s);
	if (s->state != XRPC_SESS_OPENING || !id || !chans)
		return;
	if (!s->in_remotes && xrpc_session_set_remote(s, id))
		return;
	if (s->remote.id != id) {
		XRPC_DROP(s->xn, NULL, DropState);
		return;
	}
	xrpc_session_set(s, XRPC_SESS_OPEN);
	s->epoch = xrpc_get64(f->epoch);
	s->chans = min_t(u16, chans, XRPC_CHANS_MAX);
	s->peer_ack_delay = min_t(u64, delay, XRPC_ACK_DELAY_MAX);
	remember_peer(s, now);
	xrpc_client_assign(s, q, now);
}

/**
 * xrpc_open_nosession() - an endpoint says that it does not know an id
 * @ep: endpoint it came to
 * @skb: the packet, at its XRPC header
 * @f: the frame
 *
 * A hint only: it must name a packet that may be under way, and come from where
 * that went.  Under rcu_read_lock().
 */
void xrpc_open_nosession(struct xrpc_endpoint *ep, struct sk_buff *skb,
			 const struct xrpc_nosession *f)
{
	struct xrpc_session *s;
	struct xrpc_path from;
	struct xrpc_txq q;
	u64 pn;

	s = xrpc_session_find_remote(ep, xrpc_get64(f->id));
	if (!s || s->server)
		return;
	xrpc_input_path(skb, &from);
	xrpc_txq_init(&q);
	spin_lock(&s->lock);
	pn = xrpc_wire_pn(s->next_pn, be32_to_cpu(f->pn));
	if (s->state == XRPC_SESS_OPEN && pn < s->next_pn &&
	    pn + s->sent_mask >= s->next_pn &&
	    from.rport == s->path.rport &&
	    ipv6_addr_equal(&from.raddr, &s->path.raddr)) {
		ask_again(s, &q, xrpc_now());
	}
	spin_unlock(&s->lock);
	xrpc_txq_flush(ep, &q);
}

/* ---- server ---------------------------------------------------------- */

static void fill_token(struct xrpc_endpoint *ep, const struct xrpc_path *p,
		       u8 flags, u64 now, struct xrpc_token_frame *f)
{
	memset(f, 0, sizeof(*f));
	f->h.type = XRPC_FT_TOKEN;
	f->h.flags = flags;
	f->h.len = cpu_to_be16(sizeof(*f));
	xrpc_put64(f->epoch, ep->epoch);
	xrpc_token_mint(ep, &p->raddr, p->rport, now, &f->token);
	xrpc_put64(f->horizon, xrpc_endpoint_horizon(ep, &p->laddr));
	XRPC_INC(ep->xn, TokensMinted);
}

/**
 * xrpc_open_token_req() - answer a request for a token
 * @ep: endpoint
 * @skb: the packet, at its XRPC header
 * @req: the frame
 *
 * Keeps no state, and answers with no more bytes than came.
 */
void xrpc_open_token_req(struct xrpc_endpoint *ep, struct sk_buff *skb,
			 const struct xrpc_token_req *req)
{
	const struct xrpc_hdr *h = (const void *)skb->data;
	u64 old = xrpc_get64(req->old_id);
	struct xrpc_token_frame f;
	struct xrpc_session *s;
	struct xrpc_path back;
	u8 flags = 0;

	if (!ep->bound || skb->len < sizeof(*h) + sizeof(f) ||
	    !xrpc_get64(req->client_id)) {
		XRPC_DROP(ep->xn, skb, DropMalformed);
		return;
	}
	if (old && xrpc_get64(req->old_epoch) == ep->epoch) {
		s = xrpc_session_find(ep->xn, old);
		if (s && s->server && s->ep == ep &&
		    READ_ONCE(s->state) < XRPC_SESS_CLOSED)
			flags = XRPC_TF_ALIVE;
	}
	xrpc_input_path(skb, &back);
	fill_token(ep, &back, flags, xrpc_now(), &f);
	xrpc_send_stray(ep, &back, xrpc_get64(req->client_id),
			be32_to_cpu(h->pn), &f, sizeof(f), NULL, 0);
}

/**
 * xrpc_open_send_retry() - send a token to whoever needs one
 * @ep: endpoint
 * @back: where to
 * @id: connection id there
 * @pn: number of the packet it answers
 * @alive: there is a session of that id
 * @now: ns
 */
void xrpc_open_send_retry(struct xrpc_endpoint *ep, struct xrpc_path *back,
			  u64 id, u32 pn, bool alive, u64 now)
{
	struct xrpc_token_frame f;

	fill_token(ep, back, XRPC_TF_RETRY | (alive ? XRPC_TF_ALIVE : 0), now,
		   &f);
	xrpc_send_stray(ep, back, id, pn, &f, sizeof(f), NULL, 0);
}

/**
 * xrpc_open_retry() - hand a token to whoever sent a packet without a good one
 * @ep: endpoint
 * @skb: the packet, at its XRPC header
 * @id: connection id of the sender
 * @alive: there is a session of that id
 * @now: ns
 *
 * At most three times the bytes that came.  No verdict on anything.
 */
void xrpc_open_retry(struct xrpc_endpoint *ep, struct sk_buff *skb, u64 id,
		     bool alive, u64 now)
{
	const struct xrpc_hdr *h = (const void *)skb->data;
	struct xrpc_path back;

	XRPC_INC(ep->xn, TokenRetry);
	if (!ep->bound || !id ||
	    3 * skb->len < sizeof(*h) + sizeof(struct xrpc_token_frame))
		return;
	xrpc_input_path(skb, &back);
	xrpc_open_send_retry(ep, &back, id, be32_to_cpu(h->pn), alive, now);
}

/* Make the session that a good opening packet asks for. */
static struct xrpc_session *accept_session(struct xrpc_endpoint *ep,
					   const struct xrpc_path *from,
					   const struct xrpc_open *f)
{
	struct xrpc_net *xn = ep->xn;
	struct xrpc_session *s;
	struct sock *sk;
	u64 delay;
	int err;

	s = xrpc_session_alloc(ep, true, GFP_ATOMIC | __GFP_NOWARN);
	if (!s)
		goto refuse;
	if (!xrpc_limit_take(s, from))
		goto free;
	s->service = be32_to_cpu(f->service);
	delay = (u64)be32_to_cpu(f->ack_delay) * NSEC_PER_USEC;
	s->peer_ack_delay = min_t(u64, delay, XRPC_ACK_DELAY_MAX);
	s->path = *from;
	sk = xrpc_endpoint_service(ep, s->service);
	if (sk) {
		s->path.mark = READ_ONCE(sk->sk_mark);
		s->path.priority = READ_ONCE(sk->sk_priority);
		s->path.tos = READ_ONCE(*(from->v4 ? &xrpc_sk(sk)->tos :
						     &xrpc_sk(sk)->tclass));
	}
	s->path.uid = ep->uid;
	if (xrpc_path_route(ep, &s->path))
		goto give;
	xrpc_cong_init(&s->cong, s->path.mss);
	if (xrpc_session_publish(s))
		goto give;
	spin_lock(&s->lock);
	/* the endpoint may have been closed meanwhile, and the session with it */
	err = s->state == XRPC_SESS_OPEN ?
	      xrpc_session_set_remote(s, xrpc_get64(f->client_id)) : -ESHUTDOWN;
	if (err)
		xrpc_session_close(s, NULL, ECONNRESET, XRPC_UNKNOWN);
	spin_unlock(&s->lock);
	if (err) {
		xrpc_session_destroy(s);
		xrpc_session_put(s);
		/* another processor was first with the same packet */
		return err == -EEXIST ?
		       xrpc_session_find_remote(ep, xrpc_get64(f->client_id)) :
		       NULL;
	}
	XRPC_INC(xn, SessionsOpened);
	/* the tables have a reference, and RCU keeps it for this packet */
	spin_lock(&s->lock);
	xrpc_session_arm(s, s->heard + XRPC_IDLE_SERVER);
	spin_unlock(&s->lock);
	xrpc_session_put(s);
	return s;
give:
	xrpc_limit_give(s);
free:
	xrpc_session_put(s);
refuse:
	XRPC_DROP(xn, NULL, DropLimit);
	return NULL;
}

/* A live session's opening packet from a new address: move there, or not. */
static bool move_path(struct xrpc_session *s, const struct xrpc_path *from)
{
	struct xrpc_path old = s->path;
	struct xrpc_call *c;
	unsigned int i;

	xrpc_assert_s(s);
	s->path.raddr = from->raddr;
	s->path.laddr = from->laddr;
	s->path.rport = from->rport;
	s->path.v4 = from->v4;
	s->path.oif = from->oif;
	s->path.dst = NULL;
	if (xrpc_path_route(s->ep, &s->path)) {
		s->path = old;
		return false;
	}
	dst_release(old.dst);
	/* nothing is known of the new path */
	s->rtt.srtt = 0;
	s->rtt.min = 0;
	xrpc_cong_init(&s->cong, s->path.mss);
	for_each_set_bit(i, s->busy, XRPC_CHANS_MAX) {
		c = xrpc_session_chan(s, i, false)->call;
		if (c)
			c->tx.in_flight = 0;
	}
	s->proven = false;
	s->unproven_rx = 0;
	s->unproven_tx = 0;
	s->unproven_pkts = 0;
	s->unproven_held = false;
	return true;
}

/**
 * xrpc_open_packet() - find or make the session of an opening packet
 * @ep: endpoint
 * @skb: the packet, at its XRPC header
 * @f: its OPEN frame
 * @now: ns
 *
 * The client's id is looked up, without the address, before the token is
 * judged: a session that ended is not opened again by a late duplicate.
 *
 * Return: session, good under RCU; NULL where the packet is not to be taken.
 */
struct xrpc_session *xrpc_open_packet(struct xrpc_endpoint *ep,
				      struct sk_buff *skb,
				      const struct xrpc_open *f, u64 now)
{
	const struct xrpc_hdr *h = (const void *)skb->data;
	u64 id = xrpc_get64(f->client_id), pn;
	struct xrpc_session *s;
	struct xrpc_path from;
	bool good, moved;

	if (!ep->bound || !id) {
		XRPC_DROP(ep->xn, skb, DropMalformed);
		return NULL;
	}
	xrpc_input_path(skb, &from);
	s = xrpc_session_find_remote(ep, id);
	if (s && (!s->server || READ_ONCE(s->state) >= XRPC_SESS_CLOSED)) {
		XRPC_DROP(ep->xn, skb, DropState);
		return NULL;
	}
	if (s && from.rport == s->path.rport &&
	    ipv6_addr_equal(&from.raddr, &s->path.raddr))
		return s;
	good = !(f->h.flags & XRPC_OF_NO_TOKEN) &&
	       xrpc_get64(f->epoch) == ep->epoch &&
	       xrpc_token_ok(ep, &from.raddr, from.rport, now, &f->token);
	if (!good) {
		if (s || !(f->h.flags & XRPC_OF_NO_TOKEN) ||
		    !xrpc_replay_packet(ep, skb, f, &from, now))
			xrpc_open_retry(ep, skb, id, s, now);
		return NULL;
	}
	if (!s)
		return accept_session(ep, &from, f);
	spin_lock(&s->lock);
	pn = xrpc_wire_pn(s->echo_pn + 1, be32_to_cpu(h->pn));
	moved = s->state == XRPC_SESS_OPEN && pn > s->echo_pn &&
		move_path(s, &from);
	spin_unlock(&s->lock);
	return moved ? s : NULL;
}
