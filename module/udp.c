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

static void share_port(struct sock *sk, bool on)
{
	lock_sock(sk);
	sk->sk_reuseport = on;
	release_sock(sk);
}

/*
 * A socket at a local address, for an endpoint; beside the one it has, if it has
 * one.  udp_sock_create() would leave it to net.ipv6.bindv6only whether it hears
 * IPv4.
 */
static int udp_socket(struct xrpc_endpoint *ep, u8 family, union udp_addr *a,
		      int len, struct socket **res)
{
	struct socket *beside = ep->usock, *sock;
	int err;

	err = sock_create_kern(ep->xn->net, family, SOCK_DGRAM, 0, &sock);
	if (err)
		return err;
	/* it is found from the moment it is bound */
	hand_over(ep, sock);
	if (ep->ifindex)
		err = sock_bindtoindex(sock->sk, ep->ifindex, true);
	if (family == AF_INET6)
		sock->sk->sk_ipv6only = ep->v6only;
	if (beside) {
		/*
		 * Nobody else's may ever be: the port is shared for as long as
		 * this bind takes, and with the user alone who has it.
		 */
		SOCK_INODE(sock)->i_uid = SOCK_INODE(beside)->i_uid;
		sock->sk->sk_uid = beside->sk->sk_uid;
		share_port(sock->sk, true);
		share_port(beside->sk, true);
	}
	if (!err)
		err = kernel_bind(sock, (struct xrpc_sockaddr *)a, len);
	if (beside) {
		share_port(sock->sk, false);
		share_port(beside->sk, false);
	}
	if (err) {
		sock_release(sock);
		return err;
	}
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
	union udp_addr a;
	int err, len;

	len = udp_addr(&a, family, &ep->addr, htons(ep->port), 0);
	err = udp_socket(ep, family, &a, len, &ep->usock);
	if (err)
		return err;
	ep->family = family;
	ep->usk = ep->usock->sk;
	sock_hold(ep->usk);
	ep->port = ntohs(inet_sk(ep->usk)->inet_sport);
	return 0;
}

/* Packets that are on their way in from it find the endpoint while RCU lasts. */
static void near_close(struct xrpc_endpoint *ep)
{
	if (!ep->near)
		return;
	rcu_assign_sk_user_data(ep->near->sk, NULL);
	sock_release(ep->near);
	ep->near = NULL;
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
	near_close(ep);
	if (ep->usock)
		xrpc_tunnel_release(ep->usock);
	ep->usock = NULL;
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

/* Whether a connected UDP socket takes what one peer sends to one address. */
static bool connected_to(const struct sock *usk,
			 const struct sockaddr_xrpc *peer,
			 const struct in6_addr *laddr)
{
	const struct inet_sock *inet = inet_sk(usk);

	if (inet->inet_dport != peer->sxr_port)
		return false;
#if IS_ENABLED(CONFIG_IPV6)
	if (usk->sk_family == AF_INET6)
		return ipv6_addr_equal(&usk->sk_v6_daddr, &peer->sxr_addr) &&
		       ipv6_addr_equal(&usk->sk_v6_rcv_saddr, laddr);
#endif
	return inet->inet_daddr == peer->sxr_addr.s6_addr32[3] &&
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
	if (!READ_ONCE(ep->pinned) || connected_to(ep->usk, other, laddr))
		return;
	mutex_lock(&ep->xn->ep_mutex);
	if (ep->pinned && ep->usock)
		disconnect(ep);
	WRITE_ONCE(ep->pinned, false);
	mutex_unlock(&ep->xn->ep_mutex);
}

/**
 * xrpc_udp_near() - a client has shown that it is where it says
 * @s: server's session, locked
 *
 * Where it is the only one a socket is connected to it, soon.  Softirq.
 */
void xrpc_udp_near(struct xrpc_session *s)
{
	struct xrpc_endpoint *ep = s->ep;
	bool only;

	spin_lock(&ep->lock);
	only = !ep->dead && list_is_singular(&ep->sessions);
	if (only) {
		ep->near_to.laddr = s->path.laddr;
		ep->near_to.raddr = s->path.raddr;
		ep->near_to.rport = s->path.rport;
		ep->near_to.scope = s->path.oif;
	}
	spin_unlock(&ep->lock);
	if (!only)
		return;
	refcount_inc(&ep->ref);
	if (!queue_work(xrpc_wq, &ep->near_work))
		xrpc_endpoint_put(ep);
}

/* Makes the second socket: at the address that the client speaks to. */
void xrpc_udp_near_work(struct work_struct *w)
{
	struct xrpc_endpoint *ep = container_of(w, struct xrpc_endpoint,
						near_work);
	struct xrpc_net *xn = ep->xn;
	union udp_addr here, there;
	struct xrpc_near to;
	int len;

	mutex_lock(&xn->ep_mutex);
	if (!ep->usock)
		goto out;
	spin_lock_bh(&ep->lock);
	to = ep->near_to;
	spin_unlock_bh(&ep->lock);
	near_close(ep);
	udp_addr(&here, ep->family, &to.laddr, htons(ep->port), to.scope);
	len = udp_addr(&there, ep->family, &to.raddr, to.rport, to.scope);
	/* where it fails nothing is missed */
	if (!udp_socket(ep, ep->family, &here, len, &ep->near) &&
	    udp_connect(ep->near, &there, len))
		near_close(ep);
out:
	mutex_unlock(&xn->ep_mutex);
	xrpc_endpoint_put(ep);
}
