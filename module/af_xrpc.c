// SPDX-License-Identifier: GPL-2.0-only
/*
 * The socket family: making and releasing sockets, names, options, polling.
 */
#include <linux/in6.h>
#include <net/inet_ecn.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/route.h>

#include "internal.h"

static atomic_long_t memory_allocated;
static DEFINE_PER_CPU(int, memory_per_cpu);
static struct percpu_counter sockets_allocated;
static unsigned long memory_pressure;
/* What a socket may have when the protocol has too much, as UDP does it. */
static int sysctl_min = PAGE_SIZE;
long xrpc_sysctl_mem[3];

static void enter_memory_pressure(struct sock *sk)
{
	WRITE_ONCE(memory_pressure, 1);
}

static void leave_memory_pressure(struct sock *sk)
{
	WRITE_ONCE(memory_pressure, 0);
}

/*
 * SO_BINDTODEVICE on a bound socket: the interface is part of its name.  An
 * endpoint that other sockets have as well stays where it is.
 */
static void rehash(struct sock *sk)
{
	if (xrpc_sk(sk)->ep)	/* lock_sock */
		xrpc_endpoint_bind_dev(xrpc_sk(sk)->ep, sk->sk_bound_dev_if);
}

struct proto xrpc_proto = {
	.name			= "XRPC",
	.owner			= THIS_MODULE,
	.obj_size		= sizeof(struct xrpc_sock),
	.rehash			= rehash,
	.memory_allocated	= &memory_allocated,
	.per_cpu_fw_alloc	= &memory_per_cpu,
	.memory_pressure	= &memory_pressure,
	.enter_memory_pressure	= enter_memory_pressure,
	.leave_memory_pressure	= leave_memory_pressure,
	.sockets_allocated	= &sockets_allocated,
	.sysctl_mem		= xrpc_sysctl_mem,
	.sysctl_rmem		= &sysctl_min,
	.sysctl_wmem		= &sysctl_min,
};

/* ---- addresses ------------------------------------------------------- */

/**
 * xrpc_addr_check() - judge an address from user space
 * @a: address
 * @len: its length in bytes
 *
 * Return: 0, -EINVAL or -EAFNOSUPPORT.
 */
int xrpc_addr_check(const struct sockaddr_xrpc *a, int len)
{
	if (len < (int)sizeof(*a))
		return -EINVAL;
	if (a->sxr_family != AF_XRPC)
		return -EAFNOSUPPORT;
	if (a->sxr_reserved)
		return -EINVAL;
	if (ipv6_addr_is_multicast(&a->sxr_addr))
		return -EINVAL;
	if (ipv6_addr_v4mapped(&a->sxr_addr) &&
	    (ipv4_is_multicast(a->sxr_addr.s6_addr32[3]) ||
	     ipv4_is_lbcast(a->sxr_addr.s6_addr32[3])))
		return -EINVAL;
	if (ipv6_addr_type(&a->sxr_addr) & IPV6_ADDR_LINKLOCAL) {
		if (!a->sxr_scope_id)
			return -EINVAL;
	} else if (a->sxr_scope_id) {
		return -EINVAL;
	}
	return 0;
}

/**
 * xrpc_addr_dest() - make a destination of an address
 * @a: checked address
 *
 * To send to no address in particular is to send to this host.
 */
void xrpc_addr_dest(struct sockaddr_xrpc *a)
{
	if (ipv6_addr_any(&a->sxr_addr))
		a->sxr_addr = in6addr_loopback;
	else if (ipv6_addr_v4mapped(&a->sxr_addr) && !a->sxr_addr.s6_addr32[3])
		a->sxr_addr.s6_addr32[3] = htonl(INADDR_LOOPBACK);
}

/**
 * xrpc_autobind() - give an unbound socket an endpoint of its own
 * @sk: socket, not locked
 *
 * Sleeps.
 */
int xrpc_autobind(struct sock *sk)
{
	int err = 0;

	lock_sock(sk);
	if (!xrpc_sk(sk)->ep)
		err = xrpc_endpoint_get_client(sk);
	release_sock(sk);
	return err;
}

/* The broadcast address of a network that this host is in. */
static bool is_broadcast(struct net *net, const struct in6_addr *addr)
{
	return ipv6_addr_v4mapped(addr) && addr->s6_addr32[3] &&
	       inet_addr_type(net, addr->s6_addr32[3]) == RTN_BROADCAST;
}

static int xrpc_bind(struct socket *sock, struct xrpc_sockaddr *uaddr, int len)
{
	struct sockaddr_xrpc *a = (struct sockaddr_xrpc *)uaddr;
	struct sock *sk = sock->sk;
	struct net *net = sock_net(sk);
	int err;

	err = xrpc_addr_check(a, len);
	if (err)
		return err;
	if (a->sxr_call || is_broadcast(net, &a->sxr_addr) ||
	    (a->sxr_scope_id && !sk_dev_equal_l3scope(sk, a->sxr_scope_id)))
		return -EINVAL;
	if (a->sxr_port &&
	    inet_port_requires_bind_service(net, ntohs(a->sxr_port)) &&
	    !ns_capable(net->user_ns, CAP_NET_BIND_SERVICE))
		return -EACCES;
	lock_sock(sk);
	if (xrpc_sk(sk)->ep) {
		err = -EINVAL;
	} else {
		err = xrpc_endpoint_get_bound(sk, a);
		if (!err)
			xrpc_sk(sk)->listening = true;
	}
	release_sock(sk);
	return err;
}

static int xrpc_connect(struct socket *sock, struct xrpc_sockaddr *uaddr,
			int len, int flags)
{
	struct sockaddr_xrpc *a = (struct sockaddr_xrpc *)uaddr;
	struct sock *sk = sock->sk;
	struct xrpc_sock *xs = xrpc_sk(sk);
	int err;

	if (len < (int)sizeof(uaddr->sa_family))
		return -EINVAL;
	if (uaddr->sa_family != AF_UNSPEC) {
		err = xrpc_addr_check(a, len);
		if (err)
			return err;
		if (a->sxr_call || !a->sxr_port)
			return -EINVAL;
		xrpc_addr_dest(a);
	}
	lock_sock(sk);
	err = 0;
	if (uaddr->sa_family != AF_UNSPEC && !xs->ep) {
		err = xrpc_endpoint_get_client(sk);
		if (!err)
			xrpc_udp_pin(xs->ep, a);
	}
	if (!err) {
		spin_lock_bh(&xs->sess_lock);
		if (uaddr->sa_family == AF_UNSPEC) {
			xs->connected = false;
		} else {
			xs->peer = *a;
			/* who sees that sees the endpoint as well */
			smp_store_release(&xs->connected, true);
		}
		spin_unlock_bh(&xs->sess_lock);
		xrpc_session_conn(xs, NULL, NULL);
		sock->state = xs->connected ? SS_CONNECTED : SS_UNCONNECTED;
	}
	release_sock(sk);
	return err;
}

static int xrpc_getname(struct socket *sock, struct sockaddr *uaddr, int peer)
{
	struct sockaddr_xrpc *a = (struct sockaddr_xrpc *)uaddr;
	struct xrpc_sock *xs = xrpc_sk(sock->sk);
	int err = sizeof(*a);

	memset(a, 0, sizeof(*a));
	lock_sock(sock->sk);
	if (peer) {
		if (xs->connected)
			*a = xs->peer;
		else
			err = -ENOTCONN;
	} else if (xs->ep) {
		a->sxr_addr = xs->ep->addr;
		a->sxr_port = htons(xs->ep->port);
		a->sxr_service = xs->service;
		if (ipv6_addr_type(&a->sxr_addr) & IPV6_ADDR_LINKLOCAL)
			a->sxr_scope_id = xs->ep->ifindex;
	}
	release_sock(sock->sk);
	a->sxr_family = AF_XRPC;
	return err;
}

/* ---- poll, shutdown -------------------------------------------------- */

static __poll_t xrpc_poll(struct file *file, struct socket *sock,
			  struct poll_table_struct *wait)
{
	struct sock *sk = sock->sk;
	struct xrpc_sock *xs = xrpc_sk(sk);
	u8 shut;
	__poll_t mask = 0;

	sock_poll_wait(file, sock, wait);
	shut = READ_ONCE(sk->sk_shutdown);
	if (!list_empty_careful(&xs->rxq) || shut & RCV_SHUTDOWN)
		mask |= EPOLLIN | EPOLLRDNORM;
	if (shut & RCV_SHUTDOWN)
		mask |= EPOLLRDHUP;
	if (shut == SHUTDOWN_MASK)
		mask |= EPOLLHUP;
	if (READ_ONCE(sk->sk_wmem_queued) < READ_ONCE(sk->sk_sndbuf) ||
	    shut & SEND_SHUTDOWN)
		mask |= EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;
	else
		sk_set_bit(SOCKWQ_ASYNC_NOSPACE, sk);
	return mask;
}

static int xrpc_shutdown(struct socket *sock, int how)
{
	struct sock *sk = sock->sk;
	struct xrpc_sock *xs = xrpc_sk(sk);
	struct xrpc_waiter *w, *tmp;

	if (how < SHUT_RD || how > SHUT_RDWR)
		return -EINVAL;
	lock_sock(sk);
	if (!xs->ep && !xs->connected) {
		release_sock(sk);
		return -ENOTCONN;
	}
	xrpc_qlock(sk);
	WRITE_ONCE(sk->sk_shutdown, sk->sk_shutdown | (how + 1));
	/* all who wait look again */
	list_for_each_entry_safe(w, tmp, &xs->waiters, link) {
		list_del_init(&w->link);
		wake_up_process(w->task);
	}
	xrpc_qunlock(sk);
	release_sock(sk);
	sk->sk_state_change(sk);
	return 0;
}

/* ---- options --------------------------------------------------------- */

static int get_bool(sockptr_t optval, unsigned int optlen, bool *to)
{
	int v;

	if (optlen < sizeof(v))
		return -EINVAL;
	if (copy_from_sockptr(&v, optval, sizeof(v)))
		return -EFAULT;
	if (v != 0 && v != 1)
		return -EINVAL;
	*to = v;
	return 0;
}

/* Who shares a service says so before it is bound. */
static int set_reuseport(struct xrpc_sock *xs, sockptr_t optval,
			 unsigned int optlen)
{
	bool on;
	int err;

	err = get_bool(optval, optlen, &on);
	if (err)
		return err;
	if (xs->ep)
		return -EINVAL;
	xs->reuseport = on;
	xs->sk.sk_reuseport = on;
	return 0;
}

/* Options of all sockets come here where a family may have its own of them. */
static int set_socket_option(struct socket *sock, int optname, sockptr_t optval,
			     unsigned int optlen)
{
	int err;

	if (optname != SO_REUSEPORT)
		return sock_setsockopt(sock, SOL_SOCKET, optname, optval,
				       optlen);
	lock_sock(sock->sk);
	err = set_reuseport(xrpc_sk(sock->sk), optval, optlen);
	release_sock(sock->sk);
	return err;
}

/*
 * The type of service is an option of IP's, and of the sessions that the socket
 * opens or takes from then on.  Its last two bits are the transport's.
 */
static u8 *tos_of(struct xrpc_sock *xs, int level, int optname)
{
	if (level == SOL_IP && optname == IP_TOS)
		return &xs->tos;
	if (level == SOL_IPV6 && optname == IPV6_TCLASS)
		return &xs->tclass;
	return NULL;
}

static int set_tos(struct xrpc_sock *xs, int level, int optname,
		   sockptr_t optval, unsigned int optlen)
{
	u8 *tos = tos_of(xs, level, optname);
	int v;

	if (!tos)
		return -ENOPROTOOPT;
	if (optlen < sizeof(v))
		return -EINVAL;
	if (copy_from_sockptr(&v, optval, sizeof(v)))
		return -EFAULT;
	/* as for IPv6's own sockets */
	if (level == SOL_IPV6 && v == -1)
		v = 0;
	if (v < 0 || v > 255)
		return -EINVAL;
	WRITE_ONCE(*tos, v & ~INET_ECN_MASK);
	return 0;
}

static int xrpc_setsockopt(struct socket *sock, int level, int optname,
			   sockptr_t optval, unsigned int optlen)
{
	struct xrpc_sock *xs = xrpc_sk(sock->sk);
	u64 us;
	int err;

	if (level == SOL_SOCKET)
		return set_socket_option(sock, optname, optval, optlen);
	if (level != SOL_XRPC)
		return set_tos(xs, level, optname, optval, optlen);
	lock_sock(sock->sk);
	switch (optname) {
	case XRPC_RECVINFO:
		err = get_bool(optval, optlen, &xs->recvinfo);
		break;
	case XRPC_REUSEPORT:
		err = set_reuseport(xs, optval, optlen);
		break;
	case XRPC_ACCEPT_REPLAYABLE:
		err = get_bool(optval, optlen, &xs->accept_replayable);
		break;
	case XRPC_DEFAULT_DEADLINE:
		err = -EINVAL;
		if (optlen < sizeof(us))
			break;
		err = -EFAULT;
		if (copy_from_sockptr(&us, optval, sizeof(us)))
			break;
		err = -EINVAL;
		if (!us || us > XRPC_DEADLINE_MAX)
			break;
		WRITE_ONCE(xs->default_deadline, us * NSEC_PER_USEC);
		err = 0;
		break;
	default:
		err = -ENOPROTOOPT;
	}
	release_sock(sock->sk);
	return err;
}

static int xrpc_getsockopt(struct socket *sock, int level, int optname,
			   char __user *optval, int __user *optlen)
{
	struct xrpc_sock *xs = xrpc_sk(sock->sk);
	int len, flag;
	u64 us;
	void *v;
	u8 *tos;

	if (get_user(len, optlen))
		return -EFAULT;
	if (level != SOL_XRPC) {
		tos = tos_of(xs, level, optname);
		if (!tos)
			return -ENOPROTOOPT;
		flag = READ_ONCE(*tos);
		goto out_int;
	}
	switch (optname) {
	case XRPC_RECVINFO:
		flag = xs->recvinfo;
		break;
	case XRPC_REUSEPORT:
		flag = xs->reuseport;
		break;
	case XRPC_ACCEPT_REPLAYABLE:
		flag = xs->accept_replayable;
		break;
	case XRPC_DEFAULT_DEADLINE:
		us = div_u64(READ_ONCE(xs->default_deadline), NSEC_PER_USEC);
		if (len < (int)sizeof(us))
			return -EINVAL;
		v = &us;
		len = sizeof(us);
		goto out;
	default:
		return -ENOPROTOOPT;
	}
out_int:
	if (len < (int)sizeof(flag))
		return -EINVAL;
	v = &flag;
	len = sizeof(flag);
out:
	if (put_user(len, optlen) || copy_to_user(optval, v, len))
		return -EFAULT;
	return 0;
}

/* ---- life ------------------------------------------------------------ */

/* End the calls this socket made, and the sessions it made them in. */
static void close_sessions(struct sock *sk)
{
	struct xrpc_sock *xs = xrpc_sk(sk);
	struct xrpc_session *s;
	struct hlist_node *tmp;
	struct xrpc_txq q;
	HLIST_HEAD(gone);
	unsigned int i;

	xrpc_session_conn(xs, NULL, NULL);
	spin_lock_bh(&xs->sess_lock);
	for (i = 0; i < XRPC_SESS_BUCKETS; i++) {
		hlist_for_each_entry_safe(s, tmp, &xs->sessions[i], sk_link_node) {
			hlist_del(&s->sk_link_node);
			hlist_add_head(&s->sk_link_node, &gone);
		}
	}
	spin_unlock_bh(&xs->sess_lock);
	hlist_for_each_entry_safe(s, tmp, &gone, sk_link_node) {
		hlist_del_init(&s->sk_link_node);
		xrpc_session_begin(s, &q);
		xrpc_session_close(s, &q, ECONNRESET, XRPC_UNKNOWN);
		xrpc_session_end(s, &q);
		xrpc_session_retire(s);
		xrpc_session_put(s);
	}
}

static int xrpc_release(struct socket *sock)
{
	struct sock *sk = sock->sk;

	if (!sk)
		return 0;
	/*
	 * Nobody else has the file any more.  Packets may still find the
	 * socket, by its service or through its sessions: the first are turned
	 * away once it says that it is closing, the second once the sessions
	 * are closed, and RCU keeps the memory for those who look right now.
	 */
	sock_orphan(sk);
	sock->sk = NULL;
	xrpc_qlock(sk);
	xrpc_sk(sk)->closing = true;
	xrpc_qunlock(sk);
	close_sessions(sk);
	xrpc_sock_drain(sk);
	xrpc_endpoint_unbind(sk);
	sock_put(sk);
	return 0;
}

static void xrpc_destruct(struct sock *sk)
{
	DEBUG_NET_WARN_ON_ONCE(atomic_read(&sk->sk_rmem_alloc));
	DEBUG_NET_WARN_ON_ONCE(sk->sk_wmem_queued);
	sk_mem_reclaim_final(sk);
	sk_sockets_allocated_dec(sk);
}

static const struct proto_ops xrpc_ops = {
	.family		= AF_XRPC,
	.owner		= THIS_MODULE,
	.release	= xrpc_release,
	.bind		= xrpc_bind,
	.connect	= xrpc_connect,
	.socketpair	= sock_no_socketpair,
	.accept		= sock_no_accept,
	.getname	= xrpc_getname,
	.poll		= xrpc_poll,
	.ioctl		= xrpc_ioctl,
#ifdef CONFIG_COMPAT
	.compat_ioctl	= xrpc_ioctl,	/* fixed-width fields only */
#endif
	.gettstamp	= sock_gettstamp,
	.listen		= sock_no_listen,
	.shutdown	= xrpc_shutdown,
	.setsockopt	= xrpc_setsockopt,
	.getsockopt	= xrpc_getsockopt,
	.sendmsg	= xrpc_sendmsg,
	.recvmsg	= xrpc_recvmsg,
	.mmap		= sock_no_mmap,
};

static int xrpc_create(struct net *net, struct socket *sock, int protocol,
		       int kern)
{
	struct xrpc_sock *xs;
	struct sock *sk;
	unsigned int i;

	if (sock->type != SOCK_RDM)
		return -ESOCKTNOSUPPORT;
	if (protocol)
		return -EPROTONOSUPPORT;
	sk = sk_alloc(net, AF_XRPC, GFP_KERNEL, &xrpc_proto, kern);
	if (!sk)
		return -ENOBUFS;
	sock->ops = &xrpc_ops;
	sock_init_data(sock, sk);
	sk_sockets_allocated_inc(sk);
	xrpc_own_socket_options(sock);
	sk->sk_protocol = protocol;
	sk->sk_destruct = xrpc_destruct;
	sock_set_flag(sk, SOCK_RCU_FREE);
	xs = xrpc_sk(sk);
	xs->default_deadline = XRPC_DEADLINE_DEFAULT;
	spin_lock_init(&xs->sess_lock);
	INIT_HLIST_NODE(&xs->svc_node);
	for (i = 0; i < XRPC_SESS_BUCKETS; i++)
		INIT_HLIST_HEAD(&xs->sessions[i]);
	INIT_LIST_HEAD(&xs->rxq);
	INIT_LIST_HEAD(&xs->waiters);
	xs->cookies = RB_ROOT;
	return 0;
}

const struct net_proto_family xrpc_family = {
	.family		= AF_XRPC,
	.create		= xrpc_create,
	.owner		= THIS_MODULE,
};

/**
 * xrpc_mem_init() - how much memory the protocol may have, as TCP does it
 *
 * Return: 0 or -ENOMEM.
 */
int __init xrpc_mem_init(void)
{
	unsigned long limit = max(nr_free_buffer_pages() / 16, 128UL);

	xrpc_sysctl_mem[0] = limit / 4 * 3;
	xrpc_sysctl_mem[1] = limit;
	xrpc_sysctl_mem[2] = xrpc_sysctl_mem[0] * 2;
	return percpu_counter_init(&sockets_allocated, 0, GFP_KERNEL);
}

void xrpc_mem_exit(void)
{
	percpu_counter_destroy(&sockets_allocated);
}
