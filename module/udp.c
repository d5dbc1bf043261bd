// SPDX-License-Identifier: GPL-2.0-only
/*
 * The UDP sockets of an endpoint: the one that carries its packets, and what is
 * connected where there is one peer.
 *
 * From the peer of a connected socket packets take the receive path's short cuts
 * (early demux, the cached route).  A client with one peer connects the socket it
 * has; a server, whom others may call as well, has a second one on the same port,
 * which hands what comes over to the same endpoint.  Nothing else depends on it.
 */
#include <linux/in6.h>
#include <net/ipv6.h>
#include <net/udp_tunnel.h>

#include "internal.h"

union udp_addr {
	struct sockaddr		sa;
	struct sockaddr_in	v4;
	struct sockaddr_in6	v6;
};

/* A UDP address as a socket of @family takes it.  Returns its length. */
static int udp_addr(union udp_addr *a, u8 family, const struct in6_addr *addr,
		    __be16 port, u32 scope)
{
	memset(a, 0, sizeof(*a));
	a->sa.sa_family = family;
	if (family == AF_INET) {
		a->v4.sin_port = port;
		a->v4.sin_addr.s_addr = addr->s6_addr32[3];
		return sizeof(a->v4);
	}
	a->v6.sin6_port = port;
	a->v6.sin6_addr = *addr;
	a->v6.sin6_scope_id = scope;
	return sizeof(a->v6);
}

static int udp_connect(struct socket *sock, union udp_addr *a, int len)
{
	return kernel_connect(sock, (struct xrpc_sockaddr *)a, len, 0);
}

/* Hand what a socket receives to an endpoint. */
static void hand_over(struct xrpc_endpoint *ep, struct socket *sock)
{
	struct udp_tunnel_sock_cfg tcfg = {
		.sk_user_data = ep,
		.encap_type = 1,	/* any but 0: ours alone to read */
		.encap_rcv = xrpc_input,
	};

	/* keeps its port when it is connected and disconnected */
	sock->sk->sk_userlocks |= SOCK_BINDPORT_LOCK;
	/* packets wait in no buffer of this socket */
	sock->sk->sk_allocation = GFP_ATOMIC;
	xrpc_icmp_setup(&tcfg);
	xrpc_setup_tunnel(ep->xn->net, sock, &tcfg);
}

/*
 * A socket for an endpoint, not bound yet.  udp_sock_create() would leave it to
 * net.ipv6.bindv6only whether it hears IPv4.
 */
static int udp_socket(struct xrpc_endpoint *ep, u8 family, struct socket **res)
{
	struct socket *sock;
	int err;

	err = sock_create_kern(ep->xn->net, family, SOCK_DGRAM, 0, &sock);
	if (err)
		return err;
	if (ep->ifindex)
		err = sock_bindtoindex(sock->sk, ep->ifindex, true);
	if (err) {
		sock_release(sock);
		return err;
	}
	if (family == AF_INET6)
		sock->sk->sk_ipv6only = false;
	*res = sock;
	return 0;
}

/**
 * xrpc_udp_open() - open the UDP socket of a new endpoint
 * @ep: endpoint
 * @family: AF_INET or AF_INET6
 *
 * Sleeps.
 *
 * Return: 0, and the endpoint has its port; or as for bind(2).
 */
int xrpc_udp_open(struct xrpc_endpoint *ep, u8 family)
{
	struct socket *sock;
	union udp_addr a;
	int err, len;

	err = udp_socket(ep, family, &sock);
	if (err)
		return err;
	len = udp_addr(&a, family, &ep->addr, htons(ep->port), 0);
	err = kernel_bind(sock, (struct xrpc_sockaddr *)&a, len);
	if (err) {
		sock_release(sock);
		return err;
	}
	ep->family = family;
	ep->usock = sock;
	ep->usk = sock->sk;
	sock_hold(ep->usk);
	ep->port = ntohs(inet_sk(ep->usk)->inet_sport);
	hand_over(ep, sock);
	return 0;
}

/*
 * A packet that found a socket before it was closed may come to it from a
 * user's queue (NFQUEUE) long after: nothing of ours is there any more.
 */
static void hand_over_no_more(struct sock *usk)
{
	rcu_assign_sk_user_data(usk, NULL);
	WRITE_ONCE(udp_sk(usk)->encap_rcv, NULL);
	WRITE_ONCE(udp_sk(usk)->encap_err_rcv, NULL);
	WRITE_ONCE(udp_sk(usk)->encap_err_lookup, NULL);
}

static void near_close(struct xrpc_endpoint *ep)
{
	struct sock *usk;

	if (!ep->near)
		return;
	usk = ep->near->sk;
	sock_hold(usk);
	/* until nobody finds it packets are taken; RCU keeps the endpoint */
	sock_release(ep->near);
	ep->near = NULL;
	hand_over_no_more(usk);
	sock_put(usk);
}

/**
 * xrpc_udp_close() - close an endpoint's UDP sockets
 * @ep: endpoint, under ep_mutex
 *
 * Sleeps until no packet is on its way in from them.
 */
void xrpc_udp_close(struct xrpc_endpoint *ep)
{
	lockdep_assert_held(&ep->xn->ep_mutex);
	if (!ep->usock)
		return;
	near_close(ep);
	xrpc_tunnel_release(ep->usock);
	ep->usock = NULL;
	hand_over_no_more(ep->usk);
}

/**
 * xrpc_udp_bind_dev() - bind an endpoint's UDP sockets to an interface
 * @ep: endpoint, under ep_mutex
 * @ifindex: interface, 0 for any
 */
void xrpc_udp_bind_dev(struct xrpc_endpoint *ep, int ifindex)
{
	WRITE_ONCE(ep->usk->sk_bound_dev_if, ifindex);
	if (ep->near)
		WRITE_ONCE(ep->near->sk->sk_bound_dev_if, ifindex);
}

/**
 * xrpc_udp_pin() - connect a client's UDP socket to its one peer
 * @ep: endpoint
 * @peer: the peer
 *
 * Packets from anywhere else are lost then, so only a client's endpoint with a
 * connected socket is pinned, and xrpc_udp_unpin() ends that before anything is
 * sent elsewhere.  Sleeps.
 */
void xrpc_udp_pin(struct xrpc_endpoint *ep, const struct sockaddr_xrpc *peer)
{
	union udp_addr a;
	int len;

	mutex_lock(&ep->xn->ep_mutex);
	len = udp_addr(&a, ep->family, &peer->sxr_addr, peer->sxr_port,
		       peer->sxr_scope_id);
	if (!ep->bound && ep->users == 1 && ep->usock &&
	    list_empty(&ep->sessions) &&
	    (ep->family == AF_INET6 || ipv6_addr_v4mapped(&peer->sxr_addr)))
		ep->pinned = !udp_connect(ep->usock, &a, len);
	mutex_unlock(&ep->xn->ep_mutex);
}

/* Whether a connected UDP socket takes what comes from one place to another. */
static bool connects(const struct sock *usk, const struct in6_addr *raddr,
		     __be16 rport, const struct in6_addr *laddr)
{
	const struct inet_sock *inet = inet_sk(usk);

	if (inet->inet_dport != rport)
		return false;
#if IS_ENABLED(CONFIG_IPV6)
	if (usk->sk_family == AF_INET6)
		return ipv6_addr_equal(&usk->sk_v6_daddr, raddr) &&
		       ipv6_addr_equal(&usk->sk_v6_rcv_saddr, laddr);
#endif
	return inet->inet_daddr == raddr->s6_addr32[3] &&
	       inet->inet_rcv_saddr == laddr->s6_addr32[3];
}

static void disconnect(struct xrpc_endpoint *ep)
{
	union udp_addr none = { .sa.sa_family = AF_UNSPEC };
	struct sock *usk = ep->usk;

	udp_connect(ep->usock, &none, sizeof(none.sa));
	/* the peer's IPv6 address stays, and the interface goes */
	lock_sock(usk);
#if IS_ENABLED(CONFIG_IPV6)
	usk->sk_v6_daddr = in6addr_any;
#endif
	WRITE_ONCE(usk->sk_bound_dev_if, ep->ifindex);
	release_sock(usk);
}

/**
 * xrpc_udp_unpin() - a client talks to another peer: take packets from all
 * @ep: endpoint
 * @other: that peer
 * @laddr: or the same one, from this address
 *
 * Sleeps.
 */
void xrpc_udp_unpin(struct xrpc_endpoint *ep, const struct sockaddr_xrpc *other,
		    const struct in6_addr *laddr)
{
	if (!READ_ONCE(ep->pinned) ||
	    connects(ep->usk, &other->sxr_addr, other->sxr_port, laddr))
		return;
	mutex_lock(&ep->xn->ep_mutex);
	if (ep->pinned && ep->usock)
		disconnect(ep);
	WRITE_ONCE(ep->pinned, false);
	mutex_unlock(&ep->xn->ep_mutex);
}

static void share_port(struct sock *sk, bool on)
{
	lock_sock(sk);
	sk->sk_reuseport = on;
	release_sock(sk);
}

/* Make a server's second socket.  Where that fails nothing is missed. */
static void near_open(struct xrpc_endpoint *ep, const struct xrpc_path *to)
{
	struct sock *usk = ep->usk;
	union udp_addr a;
	int len, err;

	if (udp_socket(ep, ep->family, &ep->near))
		return;
	/*
	 * It is found from the moment it is bound, so that it hands over before
	 * that.  It has a peer already: what takes it for a tunnel's, which hear
	 * everybody, would look for one that is not bound.
	 */
	inet_sk(ep->near->sk)->inet_dport = to->rport;
	hand_over(ep, ep->near);
	/*
	 * Nobody else's may ever be: the port is shared for as long as this bind
	 * takes, and with the user alone who has it.
	 */
	len = udp_addr(&a, ep->family, &to->laddr, htons(ep->port), to->oif);
	share_port(ep->near->sk, true);
	share_port(usk, true);
	err = kernel_bind(ep->near, (struct xrpc_sockaddr *)&a, len);
	share_port(usk, false);
	share_port(ep->near->sk, false);
	if (!err) {
		len = udp_addr(&a, ep->family, &to->raddr, to->rport, to->oif);
		err = udp_connect(ep->near, &a, len);
	}
	if (err)
		near_close(ep);
}

/**
 * xrpc_udp_near() - a client has made many calls
 * @s: server's session
 *
 * Where it is the only one a socket is connected to it.  In the context of the
 * server's application, whose the socket is.  Sleeps.
 */
void xrpc_udp_near(struct xrpc_session *s)
{
	struct xrpc_endpoint *ep = s->ep;
	struct xrpc_path to;
	bool only;

	/* at one IPv6 address it would stand behind the first one */
	if (ep->family == AF_INET6 && !ipv6_addr_any(&ep->addr))
		return;
	/* an answer does not wait for others to open and close theirs */
	if (!mutex_trylock(&ep->xn->ep_mutex))
		return;
	spin_lock_bh(&s->lock);
	to = s->path;
	spin_lock(&ep->lock);
	only = list_is_singular(&ep->sessions) &&
	       list_first_entry(&ep->sessions, struct xrpc_session,
				ep_link) == s;
	spin_unlock(&ep->lock);
	spin_unlock_bh(&s->lock);
	if (only && ep->usock &&
	    !(ep->near && connects(ep->near->sk, &to.raddr, to.rport,
				   &to.laddr))) {
		near_close(ep);
		near_open(ep, &to);
	}
	mutex_unlock(&ep->xn->ep_mutex);
}
