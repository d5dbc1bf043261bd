// SPDX-License-Identifier: GPL-2.0-only
/*
 * ICMP errors: hints, and never more.
 *
 * Anybody can send one.  It is heard only if the packet it quotes carries the
 * id and the number of one that is under way, to where it says it went; then a
 * path MTU is believed, and nothing is ended by any of them.
 */
#include <linux/udp.h>
#include <net/ip.h>
#include <net/ipv6.h>

#include "internal.h"
#include "trace.h"

/* What is quoted of a packet of ours: as much as names its session. */
struct quoted {
	struct udphdr	udp;
	struct xrpc_hdr	h;
};

/* The client's own id in a packet that carries none of the server's. */
static u64 own_id(struct sk_buff *skb, unsigned int off)
{
	union {
		struct xrpc_fhdr h;
		struct xrpc_open open;
		struct xrpc_token_req req;
	} room, *f;

	f = skb_header_pointer(skb, off, offsetofend(struct xrpc_open,
						     client_id), &room);
	if (f && f->h.type == XRPC_FT_OPEN)
		return xrpc_get64(f->open.client_id);
	if (f && f->h.type == XRPC_FT_TOKEN_REQ)
		return xrpc_get64(f->req.client_id);
	return 0;
}

static bool same_place(const struct xrpc_session *s, const struct sk_buff *skb,
		       const struct udphdr *uh)
{
	const struct iphdr *iph = (const void *)skb->data;

	if (uh->dest != s->path.rport)
		return false;
	if (iph->version == 4)
		return s->path.v4 && s->path.raddr.s6_addr32[3] == iph->daddr;
	return ipv6_addr_equal(&s->path.raddr,
			       &((const struct ipv6hdr *)iph)->daddr);
}

/*
 * Find the session of the packet that an error quotes, and read what is quoted of
 * it.  The quoted IP header is at skb->data.  Under rcu_read_lock().
 */
static struct xrpc_session *find(struct xrpc_endpoint *ep, struct sk_buff *skb,
				 unsigned int udp_off, struct quoted *quoted)
{
	struct xrpc_session *s;
	u64 id;

	if (!ep || READ_ONCE(ep->dead) ||
	    skb_copy_bits(skb, udp_off, quoted, sizeof(*quoted)))
		return NULL;
	id = xrpc_get64(quoted->h.id);
	if (id) {
		s = xrpc_session_find_remote(ep, id);
	} else {
		id = own_id(skb, udp_off + sizeof(*quoted));
		s = id ? xrpc_session_find(ep->xn, id) : NULL;
	}
	return s && s->ep == ep ? s : NULL;
}

/* Whether the quoted packet is under way to where it says it went. */
static bool under_way(const struct xrpc_session *s, const struct sk_buff *skb,
		      const struct quoted *quoted)
{
	xrpc_assert_s(s);
	return s->state < XRPC_SESS_CLOSED &&
	       same_place(s, skb, &quoted->udp) &&
	       xrpc_sent_live(s, xrpc_wire_pn(s->next_pn,
					      be32_to_cpu(quoted->h.pn)));
}

/*
 * Whether an ICMP error, at the IP header it quotes, is about a packet of ours.
 * Softirq, under rcu_read_lock().  Returns 0 if it is; else it has no effect
 * here.  (Kernels may have told the routes of a path MTU by then.)
 */
static int lookup(struct sock *usk, struct sk_buff *skb)
{
	struct xrpc_endpoint *ep = rcu_dereference_sk_user_data(usk);
	struct xrpc_session *s;
	struct quoted quoted;
	bool ours = false;

	s = find(ep, skb, skb_transport_offset(skb), &quoted);
	if (s) {
		spin_lock(&s->lock);
		ours = under_way(s, skb, &quoted);
		spin_unlock(&s->lock);
	}
	if (ours)
		return 0;
	if (ep)
		XRPC_DROP(ep->xn, skb, DropIcmp);
	return -ENOENT;
}

/*
 * An ICMP error that lookup() let pass.  The routes know by now what it says
 * of the path MTU.  What does not fit is sent again in pieces that do.
 */
static void heard(struct sock *usk, struct sk_buff *skb, unsigned int udp_off)
{
	struct xrpc_endpoint *ep = rcu_dereference_sk_user_data(usk);
	struct xrpc_session *s;
	struct quoted quoted;
	struct xrpc_txq q;
	u32 mss;

	s = find(ep, skb, udp_off, &quoted);
	if (!s)
		return;
	xrpc_txq_init(&q);
	spin_lock(&s->lock);
	if (under_way(s, skb, &quoted)) {
		XRPC_INC(s->xn, Icmp);
		mss = s->path.mss;
		if (!xrpc_path_route(s->ep, &s->path) && s->path.mss < mss) {
			xrpc_sent_too_big(s);
			xrpc_send_pump(s, &q, xrpc_now());
		}
	}
	spin_unlock(&s->lock);
	xrpc_txq_flush(s->ep, &q);
}

XRPC_DEFINE_ERR_RCV(error_rcv, heard)

/**
 * xrpc_icmp_setup() - have a UDP socket hear of ICMP errors
 * @cfg: of the socket, to be completed
 */
void xrpc_icmp_setup(struct udp_tunnel_sock_cfg *cfg)
{
	cfg->encap_err_lookup = lookup;
	cfg->encap_err_rcv = error_rcv;
}
