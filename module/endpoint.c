// SPDX-License-Identifier: GPL-2.0-only
/*
 * Endpoints: local UDP sockets, who is bound at them, and their afterlife.
 *
 * An endpoint lives as long as sockets are bound at it and lingers after the
 * last, because its duplicate records must outlive a server's restart: a bind
 * by the same user adopts it.
 */
#include <linux/in6.h>
#include <linux/inetdevice.h>
#include <net/addrconf.h>
#include <net/ipv6.h>

#include "internal.h"

/**
 * xrpc_endpoint_new_id() - draw a connection id
 * @ep: endpoint
 *
 * A counter sent through a keyed permutation (a Feistel network of four rounds
 * with SipHash inside): unguessable, and never the same twice.  Never 0.
 */
u64 xrpc_endpoint_new_id(struct xrpc_endpoint *ep)
{
	u32 l, r, t;
	u64 id;
	int i;

	do {
		id = atomic64_inc_return(&ep->id_next);
		l = id >> 32;
		r = id;
		for (i = 0; i < 4; i++) {
			t = l ^ (u32)siphash_2u32(r, i, &ep->id_key);
			l = r;
			r = t;
		}
		id = (u64)l << 32 | r;
	} while (!id);
	return id;
}

/*
 * How long an address has been this namespace's without a break, ns.  Another
 * host may have had it before, and may have run what was sent to it.  0 for one
 * that is none of ours by configuration.
 */
static u64 address_age(struct xrpc_net *xn, const struct in6_addr *addr)
{
	unsigned long since = jiffies;
	struct net_device *dev = NULL;

	if (ipv6_addr_v4mapped(addr)) {
		__be32 v4 = addr->s6_addr32[3];
		const struct in_ifaddr *ifa;
		struct in_device *in;

		if (ipv4_is_loopback(v4))
			return U64_MAX;
		dev = __ip_dev_find(xn->net, v4, false);
		in = dev ? __in_dev_get_rcu(dev) : NULL;
		if (in) {
			in_dev_for_each_ifa_rcu(ifa, in) {
				if (ifa->ifa_local == v4)
					since = ifa->ifa_cstamp;
			}
		}
	} else {
#if IS_ENABLED(CONFIG_IPV6)
		const struct inet6_ifaddr *ifa;
		struct inet6_dev *in;

		if (ipv6_addr_loopback(addr))
			return U64_MAX;
		dev = ipv6_dev_find(xn->net, addr, NULL);
		in = dev ? __in6_dev_get(dev) : NULL;
		if (in) {
			list_for_each_entry_rcu(ifa, &in->addr_list, if_list) {
				if (ipv6_addr_equal(&ifa->addr, addr))
					since = ifa->cstamp;
			}
		}
#endif
	}
	if (!dev)
		return 0;
	return jiffies64_to_nsecs(min(jiffies - since, xrpc_link_age(xn, dev)));
}

/**
 * xrpc_endpoint_horizon() - how far back this endpoint's records reach
 * @ep: endpoint
 * @laddr: the address of it that is spoken to
 *
 * Under rcu_read_lock().
 *
 * Return: microseconds during which nothing else answered at this address and
 * no record was forgotten: a session is kept for its idle time after the last
 * packet that arrived for it.
 */
u64 xrpc_endpoint_horizon(const struct xrpc_endpoint *ep,
			  const struct in6_addr *laddr)
{
	u64 age = ktime_get_boottime_ns() - READ_ONCE(ep->since);

	age = min(age, address_age(ep->xn, laddr));
	return div_u64(min_t(u64, age, XRPC_IDLE_SERVER), NSEC_PER_USEC);
}

static void endpoint_free_rcu(struct rcu_head *rcu)
{
	struct xrpc_endpoint *ep = container_of(rcu, struct xrpc_endpoint, rcu);

	kfree(ep);
}

/**
 * xrpc_endpoint_put() - drop a reference
 * @ep: endpoint
 */
void xrpc_endpoint_put(struct xrpc_endpoint *ep)
{
	if (!refcount_dec_and_test(&ep->ref))
		return;
	if (ep->usk)
		sock_put(ep->usk);
	call_rcu(&ep->rcu, endpoint_free_rcu);
}

static struct hlist_head *bucket(struct xrpc_net *xn, u16 port)
{
	return &xn->endpoints[port % XRPC_EP_BUCKETS];
}

/*
 * End all sessions of an endpoint, for which it is dead from here on; @say: tell
 * the other sides.  Who may still look at one: packets under RCU and calls that
 * executing applications hold (they find the state closed), its timer (it is
 * stopped).
 */
static void end_sessions(struct xrpc_endpoint *ep, bool say)
{
	struct xrpc_session *s;
	struct xrpc_txq q;

	for (;;) {
		spin_lock_bh(&ep->lock);
		WRITE_ONCE(ep->dead, true);
		s = list_first_entry_or_null(list_empty(&ep->sessions) ?
					     &ep->closed : &ep->sessions,
					     struct xrpc_session, ep_link);
		if (s)
			xrpc_session_get(s);
		spin_unlock_bh(&ep->lock);
		if (!s)
			break;
		xrpc_session_begin(s, &q);
		xrpc_session_close(s, say ? &q : NULL, ECONNRESET,
				   XRPC_UNKNOWN);
		xrpc_session_end(s, &q);
		xrpc_session_retire(s);
		xrpc_session_put(s);
		cond_resched();
	}
}

/* Close an endpoint: its sessions, then its socket. */
static void endpoint_close(struct xrpc_endpoint *ep)
{
	struct xrpc_endpoint *other;

	lockdep_assert_held(&ep->xn->ep_mutex);
	if (hlist_unhashed(&ep->node))
		return;
	hlist_del_init(&ep->node);
	if (cancel_delayed_work(&ep->linger))
		xrpc_endpoint_put(ep);
	end_sessions(ep, true);
	xrpc_udp_close(ep);
	/* what came here may come there now, which has no record of it */
	hlist_for_each_entry(other, bucket(ep->xn, ep->port), node) {
		if (other->port == ep->port)
			WRITE_ONCE(other->since, ktime_get_boottime_ns());
	}
	xrpc_endpoint_put(ep);
}

/* Begin a life of duplicate records. */
static void begin_epoch(struct xrpc_endpoint *ep)
{
	ep->since = ktime_get_boottime_ns();
	get_random_bytes(&ep->epoch, sizeof(ep->epoch));
	get_random_bytes(&ep->id_key, sizeof(ep->id_key));
	memset(ep->secrets, 0, sizeof(ep->secrets));
}

static void endpoint_linger_work(struct work_struct *w)
{
	struct xrpc_endpoint *ep = container_of(to_delayed_work(w),
						struct xrpc_endpoint, linger);
	struct xrpc_net *xn = ep->xn;

	mutex_lock(&xn->ep_mutex);
	if (!ep->users)
		endpoint_close(ep);
	mutex_unlock(&xn->ep_mutex);
	xrpc_endpoint_put(ep);
}

static struct xrpc_endpoint *endpoint_new(struct xrpc_net *xn,
					  const struct in6_addr *addr, u16 port,
					  int ifindex, kuid_t uid)
{
	struct xrpc_endpoint *ep = kzalloc(sizeof(*ep), GFP_KERNEL_ACCOUNT);
	bool v4 = ipv6_addr_v4mapped(addr);
	int err;

	if (!ep)
		return ERR_PTR(-ENOMEM);
	refcount_set(&ep->ref, 1);
	ep->xn = xn;
	ep->addr = *addr;
	ep->port = port;
	ep->ifindex = ifindex;
	ep->uid = uid;
	begin_epoch(ep);
	spin_lock_init(&ep->lock);
	INIT_LIST_HEAD(&ep->sessions);
	INIT_LIST_HEAD(&ep->closed);
	INIT_HLIST_HEAD(&ep->services);
	INIT_DELAYED_WORK(&ep->linger, endpoint_linger_work);

	err = xrpc_udp_open(ep, v4 ? AF_INET : AF_INET6);
	if (err == -EAFNOSUPPORT && ipv6_addr_any(addr)) {
		/* no IPv6 here: what is left of "all addresses" */
		ipv6_addr_set_v4mapped(0, &ep->addr);
		err = xrpc_udp_open(ep, AF_INET);
	}
	if (err) {
		kfree(ep);
		return ERR_PTR(err);
	}
	hlist_add_head(&ep->node, bucket(xn, ep->port));
	return ep;
}

static struct xrpc_endpoint *endpoint_find(struct xrpc_net *xn,
					   const struct in6_addr *addr,
					   u16 port, int ifindex)
{
	struct xrpc_endpoint *ep;

	hlist_for_each_entry(ep, bucket(xn, port), node) {
		if (ep->port == port && ep->ifindex == ifindex &&
		    ipv6_addr_equal(&ep->addr, addr))
			return ep;
	}
	return NULL;
}

/* Bind a socket's service at an endpoint. */
static int service_add(struct xrpc_endpoint *ep, struct xrpc_sock *xs)
{
	struct xrpc_sock *other;
	int err = 0;

	spin_lock_bh(&ep->lock);
	hlist_for_each_entry(other, &ep->services, svc_node) {
		if (other->service == xs->service &&
		    !(other->reuseport && xs->reuseport))
			err = -EADDRINUSE;
	}
	if (!err)
		hlist_add_head_rcu(&xs->svc_node, &ep->services);
	spin_unlock_bh(&ep->lock);
	return err;
}

static void endpoint_use(struct xrpc_endpoint *ep, struct xrpc_sock *xs)
{
	ep->users++;
	refcount_inc(&ep->ref);
	if (cancel_delayed_work(&ep->linger))
		xrpc_endpoint_put(ep);
	/* pairs with the acquire of those who read it without the lock */
	smp_store_release(&xs->ep, ep);
}

/**
 * xrpc_endpoint_get_bound() - bind a socket to a service of an endpoint
 * @sk: socket, under lock_sock()
 * @addr: checked address; port 0 for any
 *
 * Sleeps.  An endpoint that lingers is adopted by its user; another user ends
 * it, and with it the epoch.
 *
 * Return: 0; -EACCES endpoint of another user; -EADDRINUSE the service or the
 * port is taken; others as for bind(2).
 */
int xrpc_endpoint_get_bound(struct sock *sk, const struct sockaddr_xrpc *addr)
{
	struct xrpc_net *xn = xrpc_net(sock_net(sk));
	struct xrpc_sock *xs = xrpc_sk(sk);
	u16 port = ntohs(addr->sxr_port);
	struct xrpc_endpoint *ep = NULL;
	int ifindex, err;

	ifindex = sk->sk_bound_dev_if ? : addr->sxr_scope_id;
	mutex_lock(&xn->ep_mutex);
	if (port)
		ep = endpoint_find(xn, &addr->sxr_addr, port, ifindex);
	if (ep && !uid_eq(ep->uid, sk->sk_uid)) {
		err = -EACCES;
		if (ep->users)
			goto out;
		endpoint_close(ep);
		ep = NULL;
	}
	if (ep && !ep->bound) {
		err = -EADDRINUSE;
		goto out;
	}
	if (!ep) {
		ep = endpoint_new(xn, &addr->sxr_addr, port, ifindex,
				  sk->sk_uid);
		err = PTR_ERR(ep);
		if (IS_ERR(ep))
			goto out;
		ep->bound = true;
	}
	xs->service = addr->sxr_service;
	err = service_add(ep, xs);
	if (err) {
		xs->service = 0;
		if (!ep->users)
			endpoint_close(ep);
		goto out;
	}
	endpoint_use(ep, xs);
out:
	mutex_unlock(&xn->ep_mutex);
	return err;
}

/**
 * xrpc_endpoint_get_client() - give a socket an endpoint of its own
 * @sk: socket, under lock_sock()
 *
 * For IPv6 and IPv4, as a socket may call both.  Sleeps.
 */
int xrpc_endpoint_get_client(struct sock *sk)
{
	struct xrpc_net *xn = xrpc_net(sock_net(sk));
	struct xrpc_endpoint *ep;
	int err = 0;

	mutex_lock(&xn->ep_mutex);
	ep = endpoint_new(xn, &in6addr_any, 0, sk->sk_bound_dev_if,
			  sk->sk_uid);
	if (IS_ERR(ep))
		err = PTR_ERR(ep);
	else
		endpoint_use(ep, xrpc_sk(sk));
	mutex_unlock(&xn->ep_mutex);
	return err;
}

/**
 * xrpc_endpoint_unbind() - take a socket off its endpoint
 * @sk: socket that nobody else can reach any more
 *
 * Sleeps.
 */
void xrpc_endpoint_unbind(struct sock *sk)
{
	struct xrpc_net *xn = xrpc_net(sock_net(sk));
	struct xrpc_sock *xs = xrpc_sk(sk);
	struct xrpc_endpoint *ep = xs->ep;
	bool keep;

	if (!ep)
		return;
	spin_lock_bh(&ep->lock);
	if (!hlist_unhashed(&xs->svc_node))
		hlist_del_init_rcu(&xs->svc_node);
	keep = ep->nserver > 0;
	spin_unlock_bh(&ep->lock);

	mutex_lock(&xn->ep_mutex);
	if (!--ep->users && !hlist_unhashed(&ep->node)) {
		if (keep && xn->sysctl_linger_ms) {
			refcount_inc(&ep->ref);
			queue_delayed_work(xrpc_wq, &ep->linger,
				msecs_to_jiffies(xn->sysctl_linger_ms));
		} else {
			endpoint_close(ep);
		}
	}
	mutex_unlock(&xn->ep_mutex);
	xrpc_endpoint_put(ep);
}

/**
 * xrpc_endpoint_bind_dev() - an endpoint's one socket is bound to an interface
 * @ep: endpoint
 * @ifindex: interface, 0 for any
 *
 * As with UDP's own sockets nobody looks whether the name is taken there.
 * Sleeps.
 */
void xrpc_endpoint_bind_dev(struct xrpc_endpoint *ep, int ifindex)
{
	/* a link-local address is its interface's */
	if (ipv6_addr_type(&ep->addr) & IPV6_ADDR_LINKLOCAL)
		return;
	mutex_lock(&ep->xn->ep_mutex);
	if (ep->users == 1) {
		/* something else may have had what comes here now */
		WRITE_ONCE(ep->since, ktime_get_boottime_ns());
		WRITE_ONCE(ep->ifindex, ifindex);
		xrpc_udp_bind_dev(ep, ifindex);
	}
	mutex_unlock(&ep->xn->ep_mutex);
}

/* How much a socket has to do; one that takes no calls has most. */
static u32 load_of(const struct xrpc_sock *xs)
{
	if (READ_ONCE(xs->sk.sk_shutdown) & RCV_SHUTDOWN)
		return U32_MAX;
	return READ_ONCE(xs->load);
}

/**
 * xrpc_endpoint_service() - the socket that a service's next call goes to
 * @ep: endpoint
 * @service: number
 *
 * Of a group the least loaded; equals take turns.
 * Under rcu_read_lock(), which the socket is good for.
 */
struct sock *xrpc_endpoint_service(struct xrpc_endpoint *ep, u32 service)
{
	struct xrpc_sock *xs, *best = NULL;
	u32 load, least = 0;

	hlist_for_each_entry_rcu(xs, &ep->services, svc_node) {
		if (xs->service != service || READ_ONCE(xs->closing))
			continue;
		if (likely(!xs->reuseport))
			return &xs->sk;
		load = load_of(xs);
		if (!best || load < least ||
		    (load == least &&
		     (s32)(READ_ONCE(xs->turn) - READ_ONCE(best->turn)) < 0)) {
			best = xs;
			least = load;
		}
	}
	if (!best)
		return NULL;
	/* not exact where processors meet here, and need not be */
	WRITE_ONCE(best->turn, READ_ONCE(best->turn) + 1);
	return &best->sk;
}

/**
 * xrpc_endpoint_renew_net() - end the epochs of all endpoints of a namespace
 * @xn: namespace
 *
 * Those with sockets begin another one.  Nobody is told: the other sides' sessions
 * may be with another machine that is a copy of this one.  Sleeps.
 */
void xrpc_endpoint_renew_net(struct xrpc_net *xn)
{
	struct xrpc_endpoint *ep;
	struct hlist_node *tmp;
	unsigned int i;

	mutex_lock(&xn->ep_mutex);
	for (i = 0; i < XRPC_EP_BUCKETS; i++) {
		hlist_for_each_entry_safe(ep, tmp, &xn->endpoints[i], node) {
			end_sessions(ep, false);
			if (!ep->users) {
				endpoint_close(ep);
				continue;
			}
			/* no packet that came before looks at it any more */
			synchronize_rcu();
			begin_epoch(ep);
			spin_lock_bh(&ep->lock);
			WRITE_ONCE(ep->dead, false);
			spin_unlock_bh(&ep->lock);
		}
	}
	mutex_unlock(&xn->ep_mutex);
}

/**
 * xrpc_endpoint_exit_net() - end all endpoints of a namespace that goes
 * @xn: namespace
 *
 * Sockets pin their namespace, so that only lingering endpoints are left.
 * Called while there are devices to send last words through.  Sleeps.
 */
void xrpc_endpoint_exit_net(struct xrpc_net *xn)
{
	struct xrpc_endpoint *ep;
	struct hlist_node *tmp;
	unsigned int i;

	mutex_lock(&xn->ep_mutex);
	for (i = 0; i < XRPC_EP_BUCKETS; i++) {
		hlist_for_each_entry_safe(ep, tmp, &xn->endpoints[i], node)
			endpoint_close(ep);
	}
	mutex_unlock(&xn->ep_mutex);
	/* works that run already wait for the mutex, or are done with it */
	flush_workqueue(xrpc_wq);
}
