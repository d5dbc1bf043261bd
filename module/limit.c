// SPDX-License-Identifier: GPL-2.0-only
/*
 * How many sessions clients may have here, and what gives way when there are
 * too many.
 *
 * Sessions count until they are forgotten, and a closed one is remembered as
 * long as a token can open with its id.  Where that fills the table the oldest
 * acceptable time of minting is raised: tokens from before it are worthless
 * then, and with them the records of sessions closed before it.
 *
 * Clients are counted in a table of hashed slots.  Two that share a slot share
 * its limit, which is far above what either needs.
 */
#include <net/ipv6.h>

#include "internal.h"

/* Not more often: every client with a token asks for another one. */
#define RELIEF_INTERVAL	NSEC_PER_SEC

static u32 hash(struct xrpc_net *xn, const struct in6_addr *addr, u64 more)
{
	u64 w[2];

	memcpy(w, addr, sizeof(w));
	return siphash_3u64(w[0], w[1], more, &xn->limit_key) %
	       XRPC_LIMIT_SLOTS;
}

static u32 client_slot(struct xrpc_net *xn, const struct xrpc_path *from)
{
	return hash(xn, &from->raddr, be16_to_cpu(from->rport));
}

/* A site's worth of addresses: 24 bits of IPv4, 64 of IPv6. */
static u32 prefix_slot(struct xrpc_net *xn, const struct xrpc_path *from)
{
	struct in6_addr prefix;

	ipv6_addr_prefix(&prefix, &from->raddr, from->v4 ? 96 + 24 : 64);
	return hash(xn, &prefix, 0);
}

static void release(struct xrpc_net *xn, u32 client, u32 prefix)
{
	atomic_dec(&xn->nsessions);
	atomic_dec(&xn->clients[client]);
	atomic_dec(&xn->prefixes[prefix]);
}

/**
 * xrpc_limit_take() - count a session that a client opens
 * @s: session, not yet published
 * @from: where the client is
 *
 * Softirq.  Whoever was counted is given back by xrpc_limit_give().
 *
 * Return: whether there may be one more.
 */
bool xrpc_limit_take(struct xrpc_session *s, const struct xrpc_path *from)
{
	struct xrpc_net *xn = s->xn;
	u64 now;
	bool ok;

	s->limit_client = client_slot(xn, from);
	s->limit_prefix = prefix_slot(xn, from);
	ok = atomic_inc_return(&xn->nsessions) <=
	     READ_ONCE(xn->sysctl_max_sessions);
	ok &= atomic_inc_return(&xn->clients[s->limit_client]) <=
	      READ_ONCE(xn->sysctl_max_sessions_client);
	ok &= atomic_inc_return(&xn->prefixes[s->limit_prefix]) <=
	      READ_ONCE(xn->sysctl_max_sessions_prefix);
	if (likely(ok))
		return true;
	release(xn, s->limit_client, s->limit_prefix);
	now = xrpc_now();
	if (now - READ_ONCE(xn->relieved) >= RELIEF_INTERVAL) {
		WRITE_ONCE(xn->relieved, now);
		queue_work(xrpc_wq, &xn->relief);
	}
	return false;
}

/**
 * xrpc_limit_give() - a session that was counted is forgotten
 * @s: session
 */
void xrpc_limit_give(struct xrpc_session *s)
{
	release(s->xn, s->limit_client, s->limit_prefix);
}

/* Forget sessions that no token can open any more. */
static void forget_closed(struct xrpc_endpoint *ep)
{
	const u64 min = READ_ONCE(ep->mint_min) * NSEC_PER_USEC;
	struct xrpc_session *s;

	for (;;) {
		spin_lock_bh(&ep->lock);
		s = list_first_entry_or_null(&ep->closed, struct xrpc_session,
					     ep_link);
		/* they stand there in the order they were closed in */
		if (s && s->closed < min)
			xrpc_session_get(s);
		else
			s = NULL;
		spin_unlock_bh(&ep->lock);
		if (!s)
			return;
		XRPC_INC(ep->xn, SessionsForgotten);
		xrpc_session_retire(s);
		xrpc_session_put(s);
		cond_resched();
	}
}

static void relief_work(struct work_struct *w)
{
	struct xrpc_net *xn = container_of(w, struct xrpc_net, relief);
	struct xrpc_endpoint *ep;
	unsigned int i;

	mutex_lock(&xn->ep_mutex);
	for (i = 0; i < XRPC_EP_BUCKETS; i++) {
		hlist_for_each_entry(ep, &xn->endpoints[i], node) {
			if (!list_empty_careful(&ep->closed))
				WRITE_ONCE(ep->mint_min,
					   div_u64(xrpc_now(), NSEC_PER_USEC));
		}
	}
	/*
	 * A packet whose token was judged before that has looked for its
	 * client's id while the record was there.
	 */
	synchronize_rcu();
	for (i = 0; i < XRPC_EP_BUCKETS; i++) {
		hlist_for_each_entry(ep, &xn->endpoints[i], node)
			forget_closed(ep);
	}
	mutex_unlock(&xn->ep_mutex);
}

int xrpc_limit_init_net(struct xrpc_net *xn)
{
	get_random_bytes(&xn->limit_key, sizeof(xn->limit_key));
	INIT_WORK(&xn->relief, relief_work);
	xn->clients = kvcalloc(2 * XRPC_LIMIT_SLOTS, sizeof(*xn->clients),
			       GFP_KERNEL_ACCOUNT);
	if (!xn->clients)
		return -ENOMEM;
	xn->prefixes = xn->clients + XRPC_LIMIT_SLOTS;
	return 0;
}

/**
 * xrpc_limit_exit_net() - a namespace goes
 * @xn: namespace, without endpoints; no packet of one is under way any more
 */
void xrpc_limit_exit_net(struct xrpc_net *xn)
{
	cancel_work_sync(&xn->relief);
	kvfree(xn->clients);
}
