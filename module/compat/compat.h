/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The only place that knows one kernel from another.  The code is written for
 * the newest; this makes older ones look like it.  Probes are in probe.mk.
 */
#ifndef XRPC_COMPAT_H
#define XRPC_COMPAT_H

#include <linux/hrtimer.h>
#include <linux/net.h>
#include <linux/socket.h>
#include <linux/sysctl.h>
#include <linux/uio.h>
#include <net/flow.h>
#include <net/net_debug.h>
#include <net/net_namespace.h>
#include <net/udp_tunnel.h>
#ifdef XRPC_HAVE_PROTO_MEMORY
#include <net/proto_memory.h>
#endif
#ifdef XRPC_HAVE_LINUX_UNALIGNED
#include <linux/unaligned.h>
#else
#include <asm/unaligned.h>
#endif

/* What is left of the first piece of user memory. */
#ifndef iter_iov_addr
#define iter_iov_addr(it)	((it)->iov->iov_base + (it)->iov_offset)
#define iter_iov_len(it)	((it)->iov->iov_len - (it)->iov_offset)
#endif

/* Addresses in bind and connect: without a size of their own. */
#ifdef XRPC_HAVE_SOCKADDR_UNSIZED
#define xrpc_sockaddr sockaddr_unsized
#else
#define xrpc_sockaddr sockaddr
#endif

#ifdef XRPC_HAVE_TUNNEL_SOCK
static inline void xrpc_setup_tunnel(struct net *net, struct socket *sock,
				     struct udp_tunnel_sock_cfg *cfg)
{
	setup_udp_tunnel_sock(net, sock->sk, cfg);
}

/* Closes the socket, and waits for packets that are on their way in from it. */
static inline void xrpc_tunnel_release(struct socket *sock)
{
	udp_tunnel_sock_release(sock->sk);
	synchronize_rcu();	/* older kernels do so themselves */
}
#else
static inline void xrpc_setup_tunnel(struct net *net, struct socket *sock,
				     struct udp_tunnel_sock_cfg *cfg)
{
	setup_udp_tunnel_sock(net, sock, cfg);
}

static inline void xrpc_tunnel_release(struct socket *sock)
{
	udp_tunnel_sock_release(sock);
}
#endif

static inline void
xrpc_hrtimer_setup(struct hrtimer *t,
		   enum hrtimer_restart (*fn)(struct hrtimer *),
		   clockid_t clock, enum hrtimer_mode mode)
{
#ifdef XRPC_HAVE_HRTIMER_SETUP
	hrtimer_setup(t, fn, clock, mode);
#else
	hrtimer_init(t, clock, mode);
	t->function = fn;
#endif
}

/* Tables of sysctls end with an empty entry where they have no size. */
static inline struct ctl_table_header *
xrpc_register_sysctl(struct net *net, const char *path, struct ctl_table *table,
		     size_t n)
{
#ifdef XRPC_HAVE_SYSCTL_SIZE
	return register_net_sysctl_sz(net, path, table, n);
#else
	return register_net_sysctl(net, path, table);
#endif
}

/*
 * Defines the error handler @name of a tunnel socket, which hands @fn the
 * socket, the error, and how far in it the quoted UDP header begins.
 */
#ifdef XRPC_HAVE_ERR_RCV_PAYLOAD
#define XRPC_DEFINE_ERR_RCV(name, fn)					\
static void name(struct sock *usk, struct sk_buff *skb, int err,	\
		 __be16 port, u32 info, u8 *payload)			\
{									\
	fn(usk, skb, payload - (skb)->data - sizeof(struct udphdr));	\
}
#else
#define XRPC_DEFINE_ERR_RCV(name, fn)					\
static void name(struct sock *usk, struct sk_buff *skb,			\
		 unsigned int udp_offset)				\
{									\
	fn(usk, skb, udp_offset);					\
}
#endif

/* Without it SO_REUSEPORT is refused, and the family's own option is left. */
static inline void xrpc_own_socket_options(struct socket *sock)
{
#ifdef XRPC_HAVE_CUSTOM_SOCKOPT
	set_bit(SOCK_CUSTOM_SOCKOPT, &sock->flags);
#endif
}

#endif /* XRPC_COMPAT_H */
