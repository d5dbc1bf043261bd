// SPDX-License-Identifier: GPL-2.0-only
/*
 * What was sent and what became of it: the ring of sent packets, round-trip
 * samples, acknowledgements, loss (RFC 9002).
 *
 * Loss is inferred from acknowledged packet numbers alone.  The echo in each
 * header gives round-trip samples and nothing else: a slow handler is no loss.
 */
#include "internal.h"
#include "trace.h"

/* The call a sent packet belongs to, if it is still its channel's. */
static struct xrpc_call *sent_call(struct xrpc_session *s,
				   const struct xrpc_sent *e)
{
	struct xrpc_chan *ch = xrpc_session_chan(s, e->chan, false);

	if (!ch || !ch->call || ch->call->seq != e->seq)
		return NULL;
	return ch->call;
}

static void tx_gone(struct xrpc_session *s, struct xrpc_tx *tx, u32 bytes)
{
	bytes = min(bytes, tx->in_flight);
	tx->in_flight -= bytes;
	xrpc_cong_gone(&s->cong, bytes);
}

/* Have a call's lost bytes sent again. */
static void tx_lost(struct xrpc_session *s, struct xrpc_call *c, u32 off,
		    u32 len)
{
	struct xrpc_tx *tx = &c->tx;
	u64 lo = off, hi;

	if (tx->acked || c->state == XRPC_CALL_CANCELING)
		return;
	if (!tx->buf) {
		tx->next = 0;
		XRPC_INC(s->xn, Retrans);
	} else {
		hi = xrpc_ranges_clip(&tx->buf->have, &lo, off + len);
		while (lo < hi) {
			xrpc_ranges_add_cover(&tx->buf->lost, lo, hi);
			lo = hi;
			hi = xrpc_ranges_clip(&tx->buf->have, &lo, off + len);
		}
	}
	if (list_empty(&c->tx_link))
		list_add_tail(&c->tx_link, &s->txq);
}

static void grow(struct xrpc_session *s)
{
	u32 n = (s->sent_mask + 1) * 2, i;
	struct xrpc_sent *ring;

	if (n > XRPC_SENT_MAX)
		return;
	ring = kvzalloc(n * sizeof(*ring), GFP_ATOMIC);
	if (!ring)
		return;
	for (i = 0; i <= s->sent_mask; i++) {
		struct xrpc_sent *e = &s->sent[i];

		if (e->pn || e->live)
			ring[e->pn & (n - 1)] = *e;
	}
	if (s->sent != s->sent0)
		kvfree(s->sent);
	s->sent = ring;
	s->sent_mask = n - 1;
}

/* A place for a packet where another one is still under way. */
static noinline struct xrpc_sent *make_room(struct xrpc_session *s, u64 pn)
{
	struct xrpc_sent *e;
	struct xrpc_call *c;

	grow(s);
	e = &s->sent[pn & s->sent_mask];
	if (!e->live)
		return e;
	e->live = false;
	c = sent_call(s, e);
	if (c) {
		tx_gone(s, &c->tx, e->len + XRPC_WIRE_DATA_LEN);
		tx_lost(s, c, e->off, e->len);
	}
	return e;
}

/**
 * xrpc_sent_add() - take a place in the ring of sent packets
 * @s: session, locked
 * @pn: number of the packet
 * @now: ns
 *
 * A ring that cannot grow forgets its oldest packet, as lost.
 *
 * Return: the place; the caller fills in what the packet carries.
 */
struct xrpc_sent *xrpc_sent_add(struct xrpc_session *s, u64 pn, u64 now)
{
	struct xrpc_sent *e;

	xrpc_assert_s(s);
	e = &s->sent[pn & s->sent_mask];
	if (unlikely(e->live))
		e = make_room(s, pn);
	e->pn = pn;
	e->time = now;
	e->live = true;
	return e;
}

/**
 * xrpc_sent_echo() - take the echo of a header
 * @s: session, locked
 * @echo: low half of the largest packet number the peer received
 * @delay: microseconds it held it, XRPC_ECHO_NONE: no sample
 * @now: ns
 *
 * A sample is taken only when the echo advances.
 */
void xrpc_sent_echo(struct xrpc_session *s, u32 echo, u32 delay, u64 now)
{
	struct xrpc_sent *e;
	u64 pn;

	xrpc_assert_s(s);
	if (delay == XRPC_ECHO_NONE)
		return;
	pn = xrpc_wire_pn(s->next_pn, echo);
	if (pn >= s->next_pn || (s->rtt_pn != U64_MAX && pn <= s->rtt_pn))
		return;
	s->rtt_pn = pn;
	e = &s->sent[pn & s->sent_mask];
	if (e->pn != pn || !e->time || now < e->time)
		return;
	xrpc_rtt_sample(&s->rtt, now - e->time, (u64)delay * NSEC_PER_USEC);
}

static void ack_one(struct xrpc_session *s, struct xrpc_sent *e)
{
	struct xrpc_call *c = sent_call(s, e);
	struct xrpc_tx *tx;
	u32 bytes;

	e->live = false;
	if (!c || c->tx.acked)
		return;
	tx = &c->tx;
	bytes = min_t(u32, e->len + XRPC_WIRE_DATA_LEN, tx->in_flight);
	tx->in_flight -= bytes;
	xrpc_cong_acked(&s->cong, bytes, s->path.mss);
	tx->backoff = 0;
	if (tx->buf) {
		xrpc_ranges_add(&tx->buf->have, e->off, e->off + e->len);
		xrpc_ranges_del(&tx->buf->lost, e->off, e->off + e->len);
		if (!xrpc_ranges_full(&tx->buf->have, tx->len))
			return;
	}
	xrpc_tx_settled(s, c, true);
	if (s->server)
		xrpc_server_acked(s, c);
	else if (c->state == XRPC_CALL_SENDING)
		xrpc_call_set(c, XRPC_CALL_WAITING);
}

static void detect_lost(struct xrpc_session *s, u64 largest, u64 now)
{
	u64 delay = xrpc_rtt_loss_delay(&s->rtt);
	u64 pn;

	for (pn = s->sent_lo; pn < largest; pn++) {
		struct xrpc_sent *e = &s->sent[pn & s->sent_mask];
		struct xrpc_call *c;

		if (!e->live || e->pn != pn)
			continue;
		if (pn + XRPC_PACKET_THRESHOLD > largest &&
		    e->time + delay > now)
			continue;
		e->live = false;
		c = sent_call(s, e);
		if (!c || c->tx.acked)
			continue;
		XRPC_INC(s->xn, LossDetected);
		tx_gone(s, &c->tx, e->len + XRPC_WIRE_DATA_LEN);
		xrpc_cong_lost(&s->cong, pn, s->next_pn, s->path.mss);
		tx_lost(s, c, e->off, e->len);
	}
}

static void advance_lo(struct xrpc_session *s)
{
	u64 ring = s->sent_mask + 1;

	if (s->next_pn > ring && s->sent_lo < s->next_pn - ring)
		s->sent_lo = s->next_pn - ring;
	while (s->sent_lo < s->next_pn) {
		struct xrpc_sent *e = &s->sent[s->sent_lo & s->sent_mask];

		if (e->live && e->pn == s->sent_lo)
			break;
		s->sent_lo++;
	}
}

/**
 * xrpc_sent_ack() - take an ACK frame
 * @s: session, locked
 * @r: its ranges
 * @n: how many
 * @q: receives what is sent because of it
 * @now: ns
 *
 * Ranges of packets never sent are ignored.
 */
void xrpc_sent_ack(struct xrpc_session *s, const struct xrpc_ack_range *r,
		   unsigned int n, struct xrpc_txq *q, u64 now)
{
	u64 lo, hi, pn, largest = 0;
	bool any = false;
	unsigned int i;

	xrpc_assert_s(s);
	advance_lo(s);
	for (i = 0; i < n; i++) {
		lo = xrpc_wire_pn(s->next_pn, be32_to_cpu(r[i].lo));
		hi = xrpc_wire_pn(s->next_pn, be32_to_cpu(r[i].hi));
		if (lo > hi || hi >= s->next_pn) {
			XRPC_DROP(s->xn, NULL, DropState);
			continue;
		}
		if (!any || hi > largest)
			largest = hi;
		any = true;
		for (pn = max(lo, s->sent_lo); pn <= hi; pn++) {
			struct xrpc_sent *e = &s->sent[pn & s->sent_mask];

			if (e->live && e->pn == pn)
				ack_one(s, e);
		}
	}
	if (!any)
		return;
	detect_lost(s, largest, now);
	advance_lo(s);
	xrpc_send_pump(s, q, now);
}

/**
 * xrpc_sent_live() - whether a data packet is under way
 * @s: session, locked
 * @pn: its number
 */
bool xrpc_sent_live(const struct xrpc_session *s, u64 pn)
{
	const struct xrpc_sent *e = &s->sent[pn & s->sent_mask];

	return pn < s->next_pn && e->live && e->pn == pn;
}

/**
 * xrpc_sent_too_big() - packets under way do not fit the path any more
 * @s: session, locked, with the new segment size
 *
 * Those larger than that are lost, but not to congestion.
 */
void xrpc_sent_too_big(struct xrpc_session *s)
{
	u64 pn;

	xrpc_assert_s(s);
	advance_lo(s);
	for (pn = s->sent_lo; pn < s->next_pn; pn++) {
		struct xrpc_sent *e = &s->sent[pn & s->sent_mask];
		struct xrpc_call *c = sent_call(s, e);

		if (!e->live || e->pn != pn || e->len <= s->path.mss)
			continue;
		e->live = false;
		if (!c || c->tx.acked)
			continue;
		tx_gone(s, &c->tx, e->len + XRPC_WIRE_DATA_LEN);
		tx_lost(s, c, e->off, e->len);
	}
}

/**
 * xrpc_tx_settled() - nothing of a half needs to be sent any more
 * @s: session, locked
 * @c: call
 * @acked: because all of it arrived, not because the call is over
 */
void xrpc_tx_settled(struct xrpc_session *s, struct xrpc_call *c, bool acked)
{
	struct xrpc_tx *tx = &c->tx;
	struct xrpc_sent *e;

	xrpc_assert_s(s);
	if (tx->acked)
		return;
	tx->acked = true;
	if (unlikely(!list_empty(&c->tx_link)))
		list_del_init(&c->tx_link);
	e = &s->sent[tx->last_pn & s->sent_mask];
	if (e->pn == tx->last_pn)
		e->live = false;
	/* a longer message's other packets are found dead one by one */
	if (acked)
		xrpc_cong_acked(&s->cong, tx->in_flight, s->path.mss);
	else
		xrpc_cong_gone(&s->cong, tx->in_flight);
	tx->in_flight = 0;
}

/**
 * xrpc_tx_lost_all() - count all that is under way of a half as lost
 * @s: session, locked
 * @c: call
 */
void xrpc_tx_lost_all(struct xrpc_session *s, struct xrpc_call *c)
{
	struct xrpc_tx *tx = &c->tx;

	xrpc_assert_s(s);
	tx_gone(s, tx, tx->in_flight);
	tx_lost(s, c, 0, tx->buf ? tx->next : tx->len);
}
