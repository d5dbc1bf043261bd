// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packets out: routes, headers, frames.
 *
 * Packets are built under the session's lock, complete with UDP and IP header,
 * and collected on a struct xrpc_txq; xrpc_txq_flush() hands them to IP without
 * the lock.  Both stand in one RCU read-side section.
 */
#include <linux/udp.h>
#include <net/addrconf.h>
#include <net/ip.h>
#include <net/ip6_checksum.h>
#include <net/ip6_route.h>
#include <net/ipv6.h>
#include <net/route.h>
#include <net/udp.h>

#include "internal.h"
#include "trace.h"

/* Bytes of an IPv4 packet that a route takes whatever else becomes of it, if it
 * took more once: net.ipv4.route.min_pmtu.
 */
#define XRPC_V4_SHORT	552

#define ACK_RANGES_SENT	8	/* at most, of the newest */

/* ---- routes ---------------------------------------------------------- */

static int route_v4(struct xrpc_endpoint *ep, struct xrpc_path *p)
{
	struct flowi4 fl4;
	struct rtable *rt;

	flowi4_init_output(&fl4, p->oif ? : READ_ONCE(ep->ifindex), p->mark,
			   p->tos, RT_SCOPE_UNIVERSE, IPPROTO_UDP, 0,
			   p->raddr.s6_addr32[3], p->laddr.s6_addr32[3],
			   p->rport, htons(ep->port), p->uid);
	rt = ip_route_output_flow(ep->xn->net, &fl4, ep->usk);
	if (IS_ERR(rt))
		return PTR_ERR(rt);
	if (rt->rt_flags & (RTCF_BROADCAST | RTCF_MULTICAST)) {
		ip_rt_put(rt);
		return -EINVAL;
	}
	ipv6_addr_set_v4mapped(fl4.saddr, &p->laddr);
	p->dst = &rt->dst;
	p->dst_cookie = 0;
	return 0;
}

#if IS_ENABLED(CONFIG_IPV6)
static int route_v6(struct xrpc_endpoint *ep, struct xrpc_path *p)
{
	struct flowi6 fl6 = {
		.flowi6_oif = p->oif ? : READ_ONCE(ep->ifindex),
		.flowi6_mark = p->mark,
		.flowi6_proto = IPPROTO_UDP,
		.flowi6_uid = p->uid,
		.daddr = p->raddr,
		.saddr = p->laddr,
		.fl6_dport = p->rport,
		.fl6_sport = htons(ep->port),
	};
	struct dst_entry *dst;

	/* came to many: IPv4 has no route from there, nor is this one */
	if (ipv6_addr_is_multicast(&p->laddr))
		return -EINVAL;
	fl6.flowlabel = ip6_make_flowinfo(p->tos, 0);
	dst = ip6_dst_lookup_flow(ep->xn->net, ep->usk, &fl6, NULL);
	if (IS_ERR(dst))
		return PTR_ERR(dst);
	p->laddr = fl6.saddr;
	p->dst = dst;
	p->dst_cookie = rt6_get_cookie(dst_rt6_info(dst));
	return 0;
}
#else
static int route_v6(struct xrpc_endpoint *ep, struct xrpc_path *p)
{
	return -EAFNOSUPPORT;
}
#endif

/**
 * xrpc_path_route() - look up the route of a path
 * @ep: endpoint
 * @p: path, owned by the caller or under its session's lock
 *
 * Sets the source address if there was none, and the segment size.
 *
 * Return: 0 or a negative errno, and the path without a route.
 */
int xrpc_path_route(struct xrpc_endpoint *ep, struct xrpc_path *p)
{
	u32 mtu, over;
	int err;

	dst_release(p->dst);
	p->dst = NULL;
	if (!p->v4 && ep->family == AF_INET)
		return -EAFNOSUPPORT;
	err = p->v4 ? route_v4(ep, p) : route_v6(ep, p);
	if (err)
		return err;
	mtu = dst_mtu(p->dst);
	over = (p->v4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr)) +
	       sizeof(struct udphdr) + XRPC_WIRE_OVERHEAD;
	p->mss = mtu > over ? clamp_t(u32, mtu - over, XRPC_MSS_MIN,
				      XRPC_MSS_MAX) : XRPC_MSS_MIN;
	return 0;
}

/*
 * IPv4 has no route from an address that is not this host's.  IPv6 has, and where
 * there is no better one from a link's own address to anywhere.
 */
static bool good_source(struct xrpc_endpoint *ep, const struct xrpc_path *p)
{
#if IS_ENABLED(CONFIG_IPV6)
	if (!p->v4 && ipv6_addr_type(&p->laddr) & IPV6_ADDR_LINKLOCAL &&
	    !(ipv6_addr_type(&p->raddr) & IPV6_ADDR_LINKLOCAL))
		return false;
	/* the device tells the VRF */
	if (!p->v4)
		return ipv6_chk_addr_and_flags(ep->xn->net, &p->laddr,
					       p->dst->dev, true, 0,
					       IFA_F_TENTATIVE);
#endif
	return true;
}

/* The route of a path again: its own is not good any more. */
static noinline struct dst_entry *find_dst(struct xrpc_endpoint *ep,
					   struct xrpc_path *p)
{
	struct in6_addr laddr = p->laddr;

	if (!xrpc_path_route(ep, p) && (ep->bound || good_source(ep, p)))
		return p->dst;
	if (!ep->bound && !READ_ONCE(ep->pinned)) {
		/* a client's own address went: it goes on from another one */
		memset(&p->laddr, 0, sizeof(p->laddr));
		if (!xrpc_path_route(ep, p) && good_source(ep, p))
			return p->dst;
		p->laddr = laddr;
	}
	/* the next packet tries again */
	dst_release(p->dst);
	p->dst = NULL;
	return NULL;
}

static struct dst_entry *path_dst(struct xrpc_endpoint *ep, struct xrpc_path *p)
{
	if (likely(p->dst && dst_check(p->dst, p->dst_cookie)))
		return p->dst;
	return find_dst(ep, p);
}

/* ---- headers --------------------------------------------------------- */

static struct udphdr *put_udp(struct xrpc_endpoint *ep,
			      const struct xrpc_path *p, struct sk_buff *skb)
{
	struct udphdr *uh = __skb_push(skb, sizeof(*uh));

	skb_reset_transport_header(skb);
	uh->source = htons(ep->port);
	uh->dest = p->rport;
	uh->len = htons(skb->len);
	/* the device sums, or whoever stands in for it */
	skb->ip_summed = CHECKSUM_PARTIAL;
	skb->csum_start = skb->transport_header;
	skb->csum_offset = offsetof(struct udphdr, check);
	return uh;
}

/* As ip4_dst_hoplimit(), for whom RCU is not locked yet. */
static u8 hoplimit_v4(const struct xrpc_endpoint *ep,
		      const struct dst_entry *dst)
{
	return dst_metric_raw(dst, RTAX_HOPLIMIT) ? :
	       READ_ONCE(ep->xn->net->ipv4.sysctl_ip_default_ttl);
}

static void put_v4(struct xrpc_endpoint *ep, const struct xrpc_path *p,
		   struct dst_entry *dst, struct sk_buff *skb)
{
	__be32 saddr = p->laddr.s6_addr32[3], daddr = p->raddr.s6_addr32[3];
	struct udphdr *uh = put_udp(ep, p, skb);
	struct iphdr *iph;
	bool fits;

	/* the route is asked where it may say no */
	fits = (skb->len + sizeof(*iph) <= XRPC_V4_SHORT &&
		p->mss >= XRPC_V4_SHORT) ||
	       skb->len + sizeof(*iph) <= dst_mtu(dst);

	uh->check = ~udp_v4_check(skb->len, saddr, daddr, 0);
	iph = __skb_push(skb, sizeof(*iph));
	skb_reset_network_header(skb);
	memset(IPCB(skb), 0, sizeof(*IPCB(skb)));
	*(__be16 *)iph = htons(0x4500 | p->tos);
	iph->frag_off = fits ? htons(IP_DF) : 0;
	iph->id = 0;
	iph->ttl = hoplimit_v4(ep, dst);
	iph->protocol = IPPROTO_UDP;
	iph->saddr = saddr;
	iph->daddr = daddr;
	/* one built for a larger path: IP's fragments carry it */
	skb->ignore_df = 1;
	if (unlikely(!fits))
		__ip_select_ident(ep->xn->net, iph, 1);
	skb->protocol = htons(ETH_P_IP);
}

#if IS_ENABLED(CONFIG_IPV6)
static void put_v6(struct xrpc_endpoint *ep, const struct xrpc_path *p,
		   struct dst_entry *dst, struct sk_buff *skb)
{
	struct udphdr *uh = put_udp(ep, p, skb);
	struct ipv6hdr *h;

	uh->check = ~udp_v6_check(skb->len, &p->laddr, &p->raddr, 0);
	h = __skb_push(skb, sizeof(*h));
	skb_reset_network_header(skb);
	memset(IP6CB(skb), 0, sizeof(*IP6CB(skb)));
	ip6_flow_hdr(h, p->tos, 0);
	h->nexthdr = IPPROTO_UDP;
	h->hop_limit = ip6_dst_hoplimit(dst);
	h->saddr = p->laddr;
	h->daddr = p->raddr;
	skb->ignore_df = 1;
	skb->protocol = htons(ETH_P_IPV6);
}
#endif

/* Put UDP and IP in front of a packet and queue it. */
static void finish(struct xrpc_endpoint *ep, struct xrpc_path *p,
		   struct sk_buff *skb, struct xrpc_txq *q)
{
	struct dst_entry *dst = path_dst(ep, p);

	if (unlikely(!dst)) {
		XRPC_DROP(ep->xn, skb, DropRoute);
		skb->next = q->junk;
		q->junk = skb;
		return;
	}
#if IS_ENABLED(CONFIG_IPV6)
	if (!p->v4)
		put_v6(ep, p, dst, skb);
	else
#endif
		put_v4(ep, p, dst, skb);
	skb_dst_set_noref(skb, dst);
	skb->mark = p->mark;
	skb->priority = p->priority;
	skb_set_owner_w(skb, ep->usk);
	XRPC_INC(ep->xn, PktsOut);
	skb->next = NULL;
	*q->tail = skb;
	q->tail = &skb->next;
}

/* As xrpc_txq_flush(), where there is something. */
void xrpc_txq_send(struct xrpc_endpoint *ep, struct xrpc_txq *q)
{
	struct net *net = ep->xn->net;
	struct sk_buff *skb, *next;

	for (skb = q->head; skb; skb = next) {
		next = skb->next;
		skb_mark_not_on_list(skb);
#if IS_ENABLED(CONFIG_IPV6)
		if (skb->protocol == htons(ETH_P_IPV6))
			ip6_local_out(net, ep->usk, skb);
		else
#endif
			ip_local_out(net, ep->usk, skb);
	}
	if (unlikely(q->junk))
		kfree_skb_list(q->junk);
	xrpc_txq_init(q);
}

/* Whether a client's packets are opening packets, with a token or without. */
static bool opening(const struct xrpc_session *s)
{
	return s->state == XRPC_SESS_OPENING || s->state == XRPC_SESS_TOKEN;
}

static __always_inline void put_header(struct xrpc_session *s, void *at,
				       u8 flags, u64 now)
{
	struct xrpc_hdr *h = at;

	h->vfk = XRPC_WIRE_VERSION;
	h->flags = flags;
	h->reserved = 0;
	h->pn = cpu_to_be32(s->next_pn++);
	if (opening(s)) {
		h->flags |= XRPC_HF_OPENING;
		xrpc_put64(h->id, 0);
	} else {
		xrpc_put64(h->id, s->remote.id);
	}
	if (s->echo_time) {
		u64 delay = div_u64(now - s->echo_time, NSEC_PER_USEC);

		h->echo = cpu_to_be32(s->echo_pn);
		h->echo_delay = delay < XRPC_ECHO_NONE ?
				cpu_to_be32(delay) : cpu_to_be32(XRPC_ECHO_NONE);
	} else {
		h->echo = 0;
		h->echo_delay = cpu_to_be32(XRPC_ECHO_NONE);
	}
	trace_xrpc_tx(s->id, s->next_pn - 1, 0);
}

/* ---- frames that go in front of others ------------------------------- */

static u32 put_open(struct xrpc_session *s, void *at)
{
	struct xrpc_open *o = at;

	o->h.type = XRPC_FT_OPEN;
	o->h.flags = s->state == XRPC_SESS_TOKEN ? XRPC_OF_NO_TOKEN : 0;
	o->h.len = cpu_to_be16(sizeof(*o));
	o->service = cpu_to_be32(s->service);
	xrpc_put64(o->client_id, s->id);
	if (s->state == XRPC_SESS_TOKEN) {
		memset(&o->token, 0, sizeof(o->token));
		xrpc_put64(o->epoch, 0);
	} else {
		o->token = s->token;
		xrpc_put64(o->epoch, s->epoch);
		if (!s->first_open)
			s->first_open = ktime_get_boottime_ns();
	}
	o->credit = cpu_to_be32(READ_ONCE(s->sk->sk_rcvbuf));
	o->ack_delay = cpu_to_be32(XRPC_ACK_DELAY_CLIENT / NSEC_PER_USEC);
	return sizeof(*o);
}

static u32 put_accept(struct xrpc_session *s, void *at)
{
	struct xrpc_accept *a = at;

	a->h.type = XRPC_FT_ACCEPT;
	a->h.flags = 0;
	a->h.len = cpu_to_be16(sizeof(*a));
	a->ack_delay = cpu_to_be32(XRPC_ACK_DELAY_SERVER / NSEC_PER_USEC);
	xrpc_put64(a->server_id, s->id);
	xrpc_put64(a->epoch, s->ep->epoch);
	a->credit = cpu_to_be32(XRPC_MSG_MAX);
	a->msg_max = cpu_to_be32(XRPC_MSG_MAX);
	a->chans = cpu_to_be16(s->chans);
	a->reserved = 0;
	return sizeof(*a);
}

/* How many ranges an acknowledgement has now. */
static u32 ack_ranges(const struct xrpc_session *s, u32 most)
{
	return s->no_ack ? 0 : min(s->rx_pns.n, most);
}

static u32 ack_len(const struct xrpc_session *s, u32 most)
{
	u32 n = ack_ranges(s, most);

	return n ? sizeof(struct xrpc_fhdr) +
		   n * sizeof(struct xrpc_ack_range) : 0;
}

static u32 put_ack(struct xrpc_session *s, void *at, u32 most)
{
	struct xrpc_fhdr *h = at;
	struct xrpc_ack_range *r = at + sizeof(*h);
	u32 n = ack_ranges(s, most), i;

	if (!n)
		return 0;
	for (i = 0; i < n; i++) {
		const struct xrpc_range *x = &s->rx_pns.r[s->rx_pns.n - 1 - i];

		r[i].lo = cpu_to_be32(x->lo);
		r[i].hi = cpu_to_be32(x->hi - 1);
	}
	h->type = XRPC_FT_ACK;
	h->flags = 0;
	h->len = cpu_to_be16(sizeof(*h) + n * sizeof(*r));
	s->ack_now = false;
	s->rx_unacked = 0;
	XRPC_INC(s->xn, AcksOut);
	return sizeof(*h) + n * sizeof(*r);
}

/* How long the frames are that must go first; see put_first(). */
static u32 first_len(const struct xrpc_session *s)
{
	if (unlikely(opening(s)))
		return sizeof(struct xrpc_open);
	if (unlikely(s->show_id))
		return sizeof(struct xrpc_accept);
	return 0;
}

static u32 put_first(struct xrpc_session *s, void *at)
{
	if (opening(s))
		return put_open(s, at);
	return s->show_id ? put_accept(s, at) : 0;
}

/*
 * Before a client has shown the server's id back, what it is sent is bounded:
 * its address may be another's.
 */
static noinline bool may_send_unproven(struct xrpc_session *s, u32 len)
{
	if (s->tokenless ||
	    (s->unproven_pkts >= XRPC_UNPROVEN_PACKETS &&
	     s->unproven_tx + len > 3 * s->unproven_rx)) {
		XRPC_DROP(s->xn, NULL, DropUnproven);
		s->unproven_held = true;
		return false;
	}
	s->unproven_pkts++;
	s->unproven_tx += len;
	return true;
}

static bool may_send(struct xrpc_session *s, u32 len)
{
	return likely(s->proven || !s->server) || may_send_unproven(s, len);
}

/* ---- data ------------------------------------------------------------ */

/* A buffer whose tail is the data and whose headroom is ours to write. */
static struct sk_buff *data_skb(struct xrpc_call *c, u32 off, u32 len)
{
	struct xrpc_tx *tx = &c->tx;
	struct sk_buff *skb;

	if (likely(!tx->buf)) {
		if (likely(!skb_cloned(tx->skb)))
			return skb_clone(tx->skb, GFP_ATOMIC);
		/* the last copy is still under way and shares the headroom */
		skb = alloc_skb(XRPC_HEADROOM + len, GFP_ATOMIC);
		if (!skb)
			return NULL;
		skb_reserve(skb, XRPC_HEADROOM);
		skb_put_data(skb, tx->skb->data, len);
		return skb;
	}
	skb = alloc_skb(XRPC_HEADROOM, GFP_ATOMIC);
	if (!skb)
		return NULL;
	skb_reserve(skb, XRPC_HEADROOM);
	xrpc_buf_frags(tx->buf, skb, off, len);
	return skb;
}

static u32 deadline_left(const struct xrpc_call *c, u64 now)
{
	u64 left;

	left = c->deadline > now ? div_u64(c->deadline - now, NSEC_PER_USEC) : 0;
	return min_t(u64, left, XRPC_DEADLINE_MAX);
}

/**
 * xrpc_send_segment() - send a piece of a call's half
 * @s: session, locked
 * @c: call
 * @off: first byte
 * @len: bytes, at most the path's segment size
 * @ack_now: ask for an acknowledgement at once
 * @q: receives the packet
 * @now: ns
 */
void xrpc_send_segment(struct xrpc_session *s, struct xrpc_call *c, u32 off,
		       u32 len, bool ack_now, struct xrpc_txq *q, u64 now)
{
	struct xrpc_tx *tx = &c->tx;
	struct xrpc_seg seg = {
		.chan = c->chan,
		.seq = c->seq,
		.off = off,
		.len = len,
		.total = tx->len,
		.method = tx->word,
		.deadline = XRPC_NO_DEADLINE,
		.flags = tx->flags,
	};
	struct xrpc_sent *sent;
	struct sk_buff *skb;
	u32 first, over, ack = 0;
	void *at;

	xrpc_assert_s(s);
	/* no crumbs but at the end of a message: the peer takes none */
	if (unlikely(len < XRPC_SEG_MIN && off + len < tx->len)) {
		len = min_t(u32, XRPC_SEG_MIN, tx->len - off);
		seg.len = len;
	}
	if (off + len == tx->len)
		seg.flags |= XRPC_DF_EOM | XRPC_DF_EOH;
	if (tx->buf)
		seg.flags |= XRPC_DF_TOTAL;
	if (c->tell_deadline) {
		seg.flags |= XRPC_DF_METHOD;
		seg.deadline = deadline_left(c, now);
	}
	first = first_len(s);
	over = sizeof(struct xrpc_hdr) + first + XRPC_WIRE_DATA_LEN;
	if (seg.flags & XRPC_DF_METHOD)
		over += 8;
	if (seg.flags & XRPC_DF_TOTAL)
		over += 8;
	if (unlikely(s->ack_now || s->rx_unacked)) {
		ack = ack_len(s, 4);
		if (over + len + ack > s->path.mss + XRPC_WIRE_OVERHEAD)
			ack = 0;
	}
	if (!may_send(s, over + ack + len))
		return;
	skb = data_skb(c, off, len);
	if (unlikely(!skb)) {
		XRPC_DROP(s->xn, NULL, DropNoMem);
		return;
	}
	sent = xrpc_sent_add(s, s->next_pn, now);
	sent->off = off;
	sent->len = len;
	sent->seq = c->seq;
	sent->chan = c->chan;
	tx->last_pn = s->next_pn;
	tx->last_sent = now;
	tx->in_flight += len + XRPC_WIRE_DATA_LEN;
	xrpc_cong_sent(&s->cong, len + XRPC_WIRE_DATA_LEN);
	if (!s->server && !c->first_sent)
		c->first_sent = xrpc_boottime(now);

	at = __skb_push(skb, over + ack);
	put_header(s, at, ack_now ? XRPC_HF_ACK_NOW : 0, now);
	at += sizeof(struct xrpc_hdr);
	if (unlikely(first))
		at += put_first(s, at);
	if (unlikely(ack))
		at += put_ack(s, at, 4);
	xrpc_wire_put_data(at, &seg);
	finish(s->ep, &s->path, skb, q);
}

/* Send the next piece of a call.  Returns whether there is more. */
static bool send_next(struct xrpc_session *s, struct xrpc_call *c,
		      struct xrpc_txq *q, u64 now)
{
	struct xrpc_tx *tx = &c->tx;
	u32 mss = s->path.mss, off, len;
	bool more, again = false;

	if (likely(!tx->buf)) {
		if (tx->next || tx->acked)
			return false;
		tx->next = max_t(u32, tx->len, 1);
		xrpc_send_segment(s, c, 0, tx->len, false, q, now);
		return false;
	}
	if (tx->buf->lost.n) {
		off = tx->buf->lost.r[0].lo;
		len = min_t(u64, tx->buf->lost.r[0].hi - off, mss);
		xrpc_ranges_del(&tx->buf->lost, off, off + len);
		again = true;
	} else if (tx->next < tx->len) {
		off = tx->next;
		len = min(tx->len - off, mss);
		/* no crumbs but at the end of the message */
		tx->next += len;
	} else {
		return false;
	}
	more = tx->buf->lost.n || tx->next < tx->len;
	if (again)
		XRPC_INC(s->xn, Retrans);
	xrpc_send_segment(s, c, off, len,
			  more && !xrpc_cong_room(&s->cong, 2 * mss), q, now);
	return more;
}

/**
 * xrpc_send_pump() - send what the window allows
 * @s: session, locked
 * @q: receives the packets
 * @now: ns
 *
 * Calls take turns packet by packet.  What goes out acknowledges what came: it
 * waits until the packet at hand was taken, for which there may be no memory.
 */
void xrpc_send_pump(struct xrpc_session *s, struct xrpc_txq *q, u64 now)
{
	struct xrpc_call *c;

	xrpc_assert_s(s);
	if (s->taking) {
		s->pump_due = true;
		return;
	}
	while (!list_empty(&s->txq)) {
		c = list_first_entry(&s->txq, struct xrpc_call, tx_link);
		if (!xrpc_cong_room(&s->cong, min(c->tx.len, s->path.mss) +
				    XRPC_WIRE_DATA_LEN))
			return;
		if (send_next(s, c, q, now))
			list_move_tail(&c->tx_link, &s->txq);
		else
			list_del_init(&c->tx_link);
		xrpc_session_arm(s, now + xrpc_call_pto(s, &c->tx));
	}
}

/**
 * xrpc_send_call() - send a call's half, or as much as the window allows
 * @s: session, locked
 * @c: call, on a channel; nothing of this half was sent
 * @q: receives the packets
 * @now: ns
 */
void xrpc_send_call(struct xrpc_session *s, struct xrpc_call *c,
		    struct xrpc_txq *q, u64 now)
{
	xrpc_assert_s(s);
	if (likely(!c->tx.buf && list_empty(&s->txq) &&
		   xrpc_cong_room(&s->cong, c->tx.len + XRPC_WIRE_DATA_LEN))) {
		c->tx.next = max_t(u32, c->tx.len, 1);
		xrpc_send_segment(s, c, 0, c->tx.len, false, q, now);
		xrpc_session_arm(s, now + xrpc_call_pto(s, &c->tx));
		return;
	}
	list_add_tail(&c->tx_link, &s->txq);
	xrpc_send_pump(s, q, now);
}

/**
 * xrpc_send_proven() - a client has shown that it is there
 * @s: server's session, locked
 * @q: receives the packets
 * @now: ns
 *
 * What was held back goes out, and replies have timers from here on.
 */
void xrpc_send_proven(struct xrpc_session *s, struct xrpc_txq *q, u64 now)
{
	struct xrpc_call *c;
	unsigned int i;

	xrpc_assert_s(s);
	for_each_set_bit(i, s->busy, XRPC_CHANS_MAX) {
		c = xrpc_session_chan(s, i, false)->call;
		if (s->unproven_held && c && c->state == XRPC_CALL_REPLIED)
			xrpc_tx_lost_all(s, c);
	}
	xrpc_send_pump(s, q, now);
	xrpc_session_arm(s, now + xrpc_call_pto(s, NULL));
}

/* ---- packets without data -------------------------------------------- */

/* A buffer for a header and @len bytes of frames, or NULL. */
static struct sk_buff *control_skb(struct xrpc_net *xn, u32 len)
{
	struct sk_buff *skb;

	skb = alloc_skb(XRPC_HEADROOM + sizeof(struct xrpc_hdr) + len,
			GFP_ATOMIC);
	if (!skb) {
		XRPC_DROP(xn, NULL, DropNoMem);
		return NULL;
	}
	skb_reserve(skb, XRPC_HEADROOM);
	return skb;
}

/* Begin a packet of @len bytes of frames (a client's: at most), or NULL. */
static struct sk_buff *control_begin(struct xrpc_session *s, u32 len, u8 flags,
				     u64 now)
{
	struct sk_buff *skb;

	len += first_len(s);
	if (!may_send(s, sizeof(struct xrpc_hdr) + len))
		return NULL;
	skb = control_skb(s->xn, len);
	if (!skb)
		return NULL;
	put_header(s, skb_put(skb, sizeof(struct xrpc_hdr)), flags, now);
	if (first_len(s))
		put_first(s, skb_put(skb, first_len(s)));
	return skb;
}

static u32 put_done(struct xrpc_session *s, void *at, u64 now)
{
	struct xrpc_fhdr *h = at;
	struct xrpc_done *d = at + sizeof(*h);
	u32 n = 0, i;

	for_each_set_bit(i, s->owed, XRPC_CHANS_MAX) {
		struct xrpc_chan *ch = xrpc_session_chan(s, i, false);

		if (n == XRPC_DONE_MAX)
			break;
		__clear_bit(i, s->owed);
		d[n].chan = cpu_to_be16(i);
		d[n].reserved = 0;
		d[n].seq = cpu_to_be32(ch->seq);
		n++;
	}
	if (!n)
		return 0;
	h->type = XRPC_FT_DONE;
	h->flags = 0;
	h->len = cpu_to_be16(sizeof(*h) + n * sizeof(*d));
	return sizeof(*h) + n * sizeof(*d);
}

/**
 * xrpc_send_acks() - acknowledge explicitly all there is to acknowledge
 * @s: session, locked
 * @q: receives the packet
 * @now: ns
 */
void xrpc_send_acks(struct xrpc_session *s, struct xrpc_txq *q, u64 now)
{
	u32 len = ack_len(s, ACK_RANGES_SENT);
	struct sk_buff *skb;

	xrpc_assert_s(s);
	/* nothing to acknowledge before the server spoke */
	if (s->state != XRPC_SESS_OPEN && s->state != XRPC_SESS_CLOSED)
		return;
	/* nor where nothing could be taken yet: a packet has a frame */
	if (!s->rx_pns.n && bitmap_empty(s->owed, XRPC_CHANS_MAX)) {
		s->ack_now = false;
		return;
	}
	if (!s->server)
		len += sizeof(struct xrpc_fhdr) +
		       XRPC_DONE_MAX * sizeof(struct xrpc_done);
	skb = control_begin(s, len, 0, now);
	if (!skb)
		return;
	skb_put(skb, put_done(s, skb_tail_pointer(skb), now));
	skb_put(skb, put_ack(s, skb_tail_pointer(skb), ACK_RANGES_SENT));
	finish(s->ep, &s->path, skb, q);
}

/**
 * xrpc_send_callref() - send PROBE or CANCEL of a call
 * @s: session, locked
 * @type: XRPC_FT_PROBE or XRPC_FT_CANCEL
 * @chan: channel
 * @seq: sequence
 * @q: receives the packet
 * @now: ns
 */
void xrpc_send_callref(struct xrpc_session *s, u8 type, u16 chan, u32 seq,
		       struct xrpc_txq *q, u64 now)
{
	/* padded: a NOSESSION must not be larger */
	const u32 pad = sizeof(struct xrpc_nosession) -
			sizeof(struct xrpc_callref);
	struct xrpc_callref *f;
	struct xrpc_fhdr *h;
	struct sk_buff *skb;

	xrpc_assert_s(s);
	skb = control_begin(s, sizeof(*f) + pad, XRPC_HF_ACK_NOW, now);
	if (!skb)
		return;
	f = skb_put_zero(skb, sizeof(*f));
	f->h.type = type;
	f->h.len = cpu_to_be16(sizeof(*f));
	f->chan = cpu_to_be16(chan);
	f->seq = cpu_to_be32(seq);
	h = skb_put_zero(skb, pad);
	h->type = XRPC_FT_PAD;
	h->len = cpu_to_be16(pad);
	if (type == XRPC_FT_PROBE)
		XRPC_INC(s->xn, Probes);
	else
		XRPC_INC(s->xn, Cancels);
	finish(s->ep, &s->path, skb, q);
}

/**
 * xrpc_send_status() - send the server's word on a call, and acknowledgements
 * @s: session, locked
 * @chan: channel
 * @seq: sequence
 * @code: enum xrpc_status_code
 * @q: receives the packet
 * @now: ns
 */
void xrpc_send_status(struct xrpc_session *s, u16 chan, u32 seq, u8 code,
		      struct xrpc_txq *q, u64 now)
{
	struct xrpc_status *f;
	struct sk_buff *skb;

	xrpc_assert_s(s);
	skb = control_begin(s, sizeof(*f) + ack_len(s, 4), 0, now);
	if (!skb)
		return;
	f = skb_put_zero(skb, sizeof(*f));
	f->h.type = XRPC_FT_STATUS;
	f->h.len = cpu_to_be16(sizeof(*f));
	f->chan = cpu_to_be16(chan);
	f->code = code;
	f->seq = cpu_to_be32(seq);
	skb_put(skb, put_ack(s, skb_tail_pointer(skb), 4));
	finish(s->ep, &s->path, skb, q);
}

/**
 * xrpc_send_token_req() - ask for a token; with what is known when reopening
 * @s: client's session, locked
 * @q: receives the packet
 * @now: ns
 */
void xrpc_send_token_req(struct xrpc_session *s, struct xrpc_txq *q, u64 now)
{
	/* padded: the answer must not be larger */
	const u32 pad = sizeof(struct xrpc_token_frame) -
			sizeof(struct xrpc_token_req);
	struct xrpc_token_req *f;
	struct xrpc_fhdr *h;
	struct sk_buff *skb;
	struct xrpc_hdr *hdr;

	xrpc_assert_s(s);
	skb = control_skb(s->xn, sizeof(*f) + pad);
	if (!skb)
		return;
	hdr = skb_put(skb, sizeof(*hdr));
	put_header(s, hdr, 0, now);
	/* it names no session, and is no opening packet */
	hdr->flags = 0;
	xrpc_put64(hdr->id, 0);
	f = skb_put_zero(skb, sizeof(*f));
	f->h.type = XRPC_FT_TOKEN_REQ;
	f->h.len = cpu_to_be16(sizeof(*f));
	xrpc_put64(f->client_id, s->id);
	if (s->state == XRPC_SESS_REOPENING) {
		xrpc_put64(f->old_epoch, s->epoch);
		xrpc_put64(f->old_id, s->remote.id);
	}
	h = skb_put_zero(skb, pad);
	h->type = XRPC_FT_PAD;
	h->len = cpu_to_be16(pad);
	/* its echo is a round-trip sample like any other */
	xrpc_sent_add(s, s->next_pn - 1, now)->live = false;
	finish(s->ep, &s->path, skb, q);
}

/**
 * xrpc_send_close() - tell that a session is no longer needed
 * @s: session, locked, still open
 * @q: receives the packet
 * @now: ns
 */
void xrpc_send_close(struct xrpc_session *s, struct xrpc_txq *q, u64 now)
{
	struct xrpc_close *f;
	struct sk_buff *skb;
	u32 done = 0;

	xrpc_assert_s(s);
	skb = control_begin(s, sizeof(struct xrpc_fhdr) + sizeof(*f) +
			    XRPC_DONE_MAX * sizeof(struct xrpc_done), 0, now);
	if (!skb)
		return;
	if (!s->server)
		done = put_done(s, skb_tail_pointer(skb), now);
	skb_put(skb, done);
	f = skb_put_zero(skb, sizeof(*f));
	f->h.type = XRPC_FT_CLOSE;
	f->h.len = cpu_to_be16(sizeof(*f));
	finish(s->ep, &s->path, skb, q);
}

/**
 * xrpc_send_stray() - answer a packet that belongs to no session
 * @ep: endpoint
 * @p: path back, its route looked up here and released
 * @id: receiver's connection id, or 0
 * @echo: low half of the packet number answered
 * @frame: the one frame
 * @len: its length
 * @data: what follows it
 * @data_len: how long that is
 *
 * Under rcu_read_lock(), without locks.
 */
void xrpc_send_stray(struct xrpc_endpoint *ep, struct xrpc_path *p, u64 id,
		     u32 echo, const void *frame, u32 len, const void *data,
		     u32 data_len)
{
	struct xrpc_hdr *h;
	struct sk_buff *skb;
	struct xrpc_txq q;

	skb = control_skb(ep->xn, len + data_len);
	if (!skb)
		return;
	h = skb_put_zero(skb, sizeof(*h));
	h->vfk = XRPC_WIRE_VERSION;
	xrpc_put64(h->id, id);
	h->echo = cpu_to_be32(echo);
	skb_put_data(skb, frame, len);
	if (data_len)
		skb_put_data(skb, data, data_len);
	xrpc_txq_init(&q);
	finish(ep, p, skb, &q);
	xrpc_txq_flush(ep, &q);
	dst_release(p->dst);
	p->dst = NULL;
}
