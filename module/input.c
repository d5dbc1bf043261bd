// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packets in: from the UDP socket to the session, frame by frame.
 *
 * All of it runs in softirq, on the processor where the packet arrived.  A
 * packet is judged whole (wire.c) before anything of it has an effect.
 */
#include <linux/udp.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/udp.h>

#include "internal.h"
#include "trace.h"

/**
 * xrpc_input_path() - the way back to where a packet came from
 * @skb: packet, at its XRPC header
 * @p: receives it, without a route
 */
void xrpc_input_path(const struct sk_buff *skb, struct xrpc_path *p)
{
	const struct udphdr *uh = (const void *)(skb->data - sizeof(*uh));

	memset(p, 0, sizeof(*p));
	p->rport = uh->source;
	p->v4 = skb->protocol == htons(ETH_P_IP);
	if (p->v4) {
		ipv6_addr_set_v4mapped(ip_hdr(skb)->saddr, &p->raddr);
		ipv6_addr_set_v4mapped(ip_hdr(skb)->daddr, &p->laddr);
		return;
	}
	p->raddr = ipv6_hdr(skb)->saddr;
	p->laddr = ipv6_hdr(skb)->daddr;
	if (ipv6_addr_type(&p->raddr) & IPV6_ADDR_LINKLOCAL)
		p->oif = inet6_iif(skb);
}

static void server_frame(struct xrpc_session *s, const struct xrpc_cursor *c,
			 struct xrpc_txq *q, u64 now)
{
	const struct xrpc_callref *ref = (const void *)c->frame;
	const struct xrpc_done *d;
	unsigned int i, n;

	switch (c->type) {
	case XRPC_FT_DONE:
		d = (const void *)(c->frame + sizeof(struct xrpc_fhdr));
		n = (c->len - sizeof(struct xrpc_fhdr)) / sizeof(*d);
		for (i = 0; i < n; i++)
			xrpc_server_done(s, be16_to_cpu(d[i].chan),
					 be32_to_cpu(d[i].seq));
		break;
	case XRPC_FT_PROBE:
		xrpc_server_probe(s, be16_to_cpu(ref->chan),
				  be32_to_cpu(ref->seq), q, now);
		break;
	case XRPC_FT_CANCEL:
		xrpc_server_cancel(s, be16_to_cpu(ref->chan),
				   be32_to_cpu(ref->seq), q, now);
		break;
	}
}

static void client_frame(struct xrpc_session *s, const struct xrpc_cursor *c,
			 struct xrpc_txq *q, u64 now)
{
	const struct xrpc_status *st = (const void *)c->frame;

	switch (c->type) {
	case XRPC_FT_ACCEPT:
		xrpc_open_accept(s, (const void *)c->frame, q, now);
		break;
	case XRPC_FT_STATUS:
		xrpc_client_status(s, be16_to_cpu(st->chan),
				   be32_to_cpu(st->seq), st->code, q, now);
		break;
	}
}

static bool data_frame(struct xrpc_session *s, const struct xrpc_seg *seg,
		       struct sk_buff *skb, struct xrpc_txq *q, u64 now)
{
	if (s->server)
		return xrpc_server_data(s, seg, skb, q, now);
	return xrpc_client_data(s, seg, skb, q, now);
}

/* Whether what another frame draws could acknowledge DATA that is not taken. */
static bool mixed(const struct sk_buff *skb)
{
	unsigned int data = 0, asks = 0;
	struct xrpc_cursor c;
	int more;

	for (more = xrpc_wire_first(&c, skb->data, skb->len); more > 0;
	     more = xrpc_wire_next(&c)) {
		data += c.type == XRPC_FT_DATA;
		asks += c.type == XRPC_FT_PROBE || c.type == XRPC_FT_CANCEL;
	}
	return data > 1 || (data && asks);
}

/* Take the frames of a packet.  Returns whether all was taken. */
static bool frames(struct xrpc_session *s, struct sk_buff *skb,
		   struct xrpc_txq *q, u64 now)
{
	struct xrpc_cursor c;
	struct xrpc_seg seg;
	bool took = true;
	int more;

	s->no_ack = mixed(skb);
	for (more = xrpc_wire_first(&c, skb->data, skb->len);
	     more > 0 && s->state < XRPC_SESS_CLOSED;
	     more = xrpc_wire_next(&c)) {
		switch (c.type) {
		case XRPC_FT_DATA:
			xrpc_wire_data(&c, &seg, XRPC_MSG_MAX);
			took &= data_frame(s, &seg, skb, q, now);
			break;
		case XRPC_FT_ACK:
			xrpc_sent_ack(s, (const void *)(c.frame +
						sizeof(struct xrpc_fhdr)),
				      (c.len - sizeof(struct xrpc_fhdr)) /
				      sizeof(struct xrpc_ack_range), q, now);
			break;
		case XRPC_FT_CLOSE:
			xrpc_open_closed(s, q, now);
			break;
		default:
			if (s->server)
				server_frame(s, &c, q, now);
			else
				client_frame(s, &c, q, now);
		}
	}
	s->no_ack = false;
	return took;
}

/* Note a packet's number.  Returns false for one received before. */
static bool note_number(struct xrpc_session *s, u64 pn, u64 now)
{
	if (likely(s->echo_time)) {
		if (pn <= s->echo_pn && xrpc_ranges_has(&s->rx_pns, pn))
			return false;
		if (unlikely(pn > s->echo_pn + 1))
			s->ack_now = true;	/* a gap */
	}
	xrpc_ranges_add_newest(&s->rx_pns, pn);
	if (pn > s->echo_pn || !s->echo_time) {
		s->echo_pn = pn;
		s->echo_time = now;
	}
	return true;
}

/*
 * A token for a client.  It comes from no session and its packet has no number
 * of one: what is noted of it must not be taken for the session's packet 0.
 */
static void token_packet(struct xrpc_session *s, struct sk_buff *skb,
			 const struct xrpc_token_frame *f)
{
	const struct xrpc_hdr *h = (const void *)skb->data;
	struct xrpc_txq q;
	u64 now, echo;

	xrpc_txq_init(&q);
	spin_lock(&s->lock);
	echo = xrpc_wire_pn(s->next_pn, be32_to_cpu(h->echo));
	if (!s->server && s->state < XRPC_SESS_CLOSED && echo < s->next_pn &&
	    xrpc_input_from_peer(s, skb)) {
		now = xrpc_now();
		s->heard = now;
		xrpc_sent_echo(s, be32_to_cpu(h->echo),
			       be32_to_cpu(h->echo_delay), now);
		xrpc_open_token(s, f, echo, &q, now);
	} else {
		XRPC_DROP(s->xn, skb, DropState);
	}
	spin_unlock(&s->lock);
	xrpc_txq_flush(s->ep, &q);
}

/*
 * Whether who sent a session's packet from another place may be sent a token.
 * Whoever has seen the id can name a place that never asked for any.
 */
static bool may_move(struct xrpc_session *s, u64 now)
{
	u64 at = max(s->move_at, now);

	xrpc_assert_s(s);
	if (at - now >= XRPC_MOVE_BURST * XRPC_MOVE_EVERY)
		return false;
	s->move_at = at + XRPC_MOVE_EVERY;
	return true;
}

/* A packet of a session; @seg is its one frame, if it is DATA. */
static void session_packet(struct xrpc_session *s, struct sk_buff *skb,
			   const struct xrpc_seg *seg)
{
	const struct xrpc_hdr *h = (const void *)skb->data;
	u64 now = xrpc_now(), pn;
	bool took, proof = false;
	struct xrpc_txq q;

	xrpc_txq_init(&q);
	spin_lock(&s->lock);
	if (unlikely(s->state < XRPC_SESS_OPENING ||
		     s->state >= XRPC_SESS_CLOSED)) {
		XRPC_DROP(s->xn, skb, DropState);
		goto out;
	}
	if (unlikely(!xrpc_input_from_peer(s, skb))) {
		bool may = may_move(s, now);

		spin_unlock(&s->lock);
		if (!s->server)
			XRPC_DROP(s->ep->xn, skb, DropState);
		else if (may)
			xrpc_open_retry(s->ep, skb, s->remote.id, true, now);
		else
			XRPC_DROP(s->ep->xn, skb, DropUnproven);
		return;
	}
	pn = xrpc_wire_pn(s->echo_time ? s->echo_pn + 1 : 0,
			  be32_to_cpu(h->pn));
	trace_xrpc_rx(s->id, pn, skb->len);
	if (unlikely(!note_number(s, pn, now))) {
		XRPC_INC(s->xn, DupPackets);
		goto out;
	}
	s->heard = now;
	s->answers = 0;
	if (h->flags & XRPC_HF_ACK_NOW)
		s->ack_now = true;	/* it may ride on what is answered */
	if (unlikely(!s->proven))
		s->unproven_rx += skb->len;
	if (unlikely(h->flags & XRPC_HF_OPENING)) {
		s->show_id = true;
	} else if (unlikely(s->show_id)) {
		s->show_id = false;
		proof = !s->proven;
		s->proven = true;
	}
	xrpc_sent_echo(s, be32_to_cpu(h->echo), be32_to_cpu(h->echo_delay),
		       now);
	s->taking = true;
	took = likely(seg) ? data_frame(s, seg, skb, &q, now) :
			     frames(s, skb, &q, now);
	s->taking = false;
	if (unlikely(!took))
		xrpc_ranges_del(&s->rx_pns, pn, pn + 1);
	if (unlikely(proof && s->server) && s->state < XRPC_SESS_CLOSED)
		xrpc_send_proven(s, &q, now);
	if (unlikely(s->pump_due)) {
		s->pump_due = false;
		xrpc_send_pump(s, &q, now);
	}
	if (unlikely(s->ack_now) && s->state < XRPC_SESS_CLOSED)
		xrpc_send_acks(s, &q, now);
out:
	spin_unlock(&s->lock);
	xrpc_txq_flush(s->ep, &q);
}

/* A packet for an id that is not known: say so, if that cannot be abused. */
static void no_session(struct xrpc_endpoint *ep, struct sk_buff *skb)
{
	const struct xrpc_hdr *h = (const void *)skb->data;
	struct xrpc_nosession f = {
		.h.type = XRPC_FT_NOSESSION,
		.h.len = cpu_to_be16(sizeof(f)),
		.pn = h->pn,
		.id = { h->id[0], h->id[1] },
	};
	struct xrpc_cursor c;
	struct xrpc_path back;

	XRPC_DROP(ep->xn, skb, NoSession);
	/* never larger than what it answers, never in answer to one */
	if (!ep->bound || skb->len < sizeof(*h) + sizeof(f))
		return;
	if (xrpc_wire_first(&c, skb->data, skb->len) <= 0 ||
	    c.type == XRPC_FT_NOSESSION || c.type == XRPC_FT_TOKEN)
		return;
	xrpc_input_path(skb, &back);
	xrpc_send_stray(ep, &back, 0, be32_to_cpu(h->pn), &f, sizeof(f), NULL,
			0);
}

/* A packet that names no connection id. */
static void stray_packet(struct xrpc_endpoint *ep, struct sk_buff *skb)
{
	struct xrpc_cursor c;

	if (xrpc_wire_first(&c, skb->data, skb->len) <= 0)
		return;
	if (c.type == XRPC_FT_TOKEN_REQ)
		xrpc_open_token_req(ep, skb, (const void *)c.frame);
	else if (c.type == XRPC_FT_NOSESSION)
		xrpc_open_nosession(ep, skb, (const void *)c.frame);
	else
		XRPC_DROP(ep->xn, skb, DropState);
}

/* The session here that an id in a packet names, or NULL. */
static struct xrpc_session *find_session(struct xrpc_endpoint *ep, u64 id)
{
	struct xrpc_session *s = xrpc_session_find(ep->xn, id);

	return likely(s && s->ep == ep &&
		      READ_ONCE(s->state) < XRPC_SESS_CLOSED) ? s : NULL;
}

/* A packet that is not one DATA frame of a session there is. */
static noinline void other_packet(struct xrpc_endpoint *ep, struct sk_buff *skb)
{
	const struct xrpc_hdr *h = (const void *)skb->data;
	u64 id = xrpc_get64(h->id);
	struct xrpc_session *s;
	struct xrpc_cursor c;

	if (h->flags & XRPC_HF_OPENING) {
		const struct xrpc_open *f = (const void *)(h + 1);

		if (id) {
			XRPC_DROP(ep->xn, skb, DropMalformed);
			return;
		}
		s = xrpc_open_packet(ep, skb, f, xrpc_now());
		if (s)
			session_packet(s, skb, NULL);
		return;
	}
	if (!id) {
		stray_packet(ep, skb);
		return;
	}
	s = find_session(ep, id);
	if (!s)
		no_session(ep, skb);
	else if (xrpc_wire_first(&c, skb->data, skb->len) > 0 &&
		 c.type == XRPC_FT_TOKEN)
		token_packet(s, skb, (const void *)c.frame);
	else
		session_packet(s, skb, NULL);
}

/* A packet of the steady state.  Returns false where its session is not here. */
static bool data_packet(struct xrpc_endpoint *ep, struct sk_buff *skb,
			const struct xrpc_seg *seg)
{
	const struct xrpc_hdr *h = (const void *)skb->data;
	struct xrpc_session *s = find_session(ep, xrpc_get64(h->id));

	if (unlikely(!s))
		return false;
	if (unlikely(!s->server && !READ_ONCE(s->in_remotes)))
		xrpc_replay_reply(s, seg, skb);
	else
		session_packet(s, skb, seg);
	return true;
}

/**
 * xrpc_input() - a packet arrived at an endpoint's UDP socket
 * @usk: the UDP socket
 * @skb: the packet, at its UDP header, its checksum verified
 *
 * Softirq, under rcu_read_lock().
 *
 * Return: 0: the packet was taken.
 */
int xrpc_input(struct sock *usk, struct sk_buff *skb)
{
	struct xrpc_endpoint *ep = rcu_dereference_sk_user_data(usk);
	enum skb_drop_reason why;
	struct xrpc_seg seg;
	bool single;
	int err;

	why = SKB_DROP_REASON_NO_SOCKET;
	if (unlikely(!ep || READ_ONCE(ep->dead)))
		goto drop;
	/* IPv4 lets a sender leave the checksum out: not here */
	why = SKB_DROP_REASON_UDP_CSUM;
	if (unlikely(!udp_hdr(skb)->check &&
		     skb->ip_summed != CHECKSUM_PARTIAL)) {
		XRPC_DROP(ep->xn, skb, DropChecksum);
		goto drop;
	}
	why = SKB_DROP_REASON_NOMEM;
	if (unlikely(skb_is_nonlinear(skb) && skb_linearize(skb))) {
		XRPC_DROP(ep->xn, skb, DropNoMem);
		goto drop;
	}
	__skb_pull(skb, sizeof(struct udphdr));
	single = xrpc_wire_single(skb->data, skb->len, XRPC_MSG_MAX, &seg);
	err = likely(single) ? 0 :
	      xrpc_wire_check(skb->data, skb->len, XRPC_MSG_MAX);
	if (unlikely(err)) {
		why = SKB_DROP_REASON_UNHANDLED_PROTO;
		if (err == -EPROTONOSUPPORT)
			XRPC_DROP(ep->xn, skb, DropVersion);
		else
			XRPC_DROP(ep->xn, skb, DropMalformed);
		goto drop;
	}
	/* it may wait in a queue: let go of what it refers to */
	skb_dst_drop(skb);
	nf_reset_ct(skb);
	XRPC_INC(ep->xn, PktsIn);
	if (unlikely(!single || !data_packet(ep, skb, &seg)))
		other_packet(ep, skb);
	consume_skb(skb);
	return 0;
drop:
	kfree_skb_reason(skb, why);
	return 0;
}
