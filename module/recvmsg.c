// SPDX-License-Identifier: GPL-2.0-only
/* Receiving: requests and what became of this socket's own calls. */
#include <linux/sched/signal.h>
#include <net/ipv6.h>

#include "internal.h"

/**
 * xrpc_call_source() - the address the other side of a call has
 * @c: call
 * @a: receives it; all of it is written
 *
 * For a request its handle stands in it: an answer goes there.
 */
void xrpc_call_source(const struct xrpc_call *c, struct sockaddr_xrpc *a)
{
	const struct xrpc_path *p = &c->s->path;

	memset(a, 0, sizeof(*a));
	a->sxr_family = AF_XRPC;
	a->sxr_port = c->s->server ? c->peer_port : p->rport;
	a->sxr_service = c->s->service;
	a->sxr_addr = c->s->server ? c->peer_addr : p->raddr;
	if (ipv6_addr_type(&a->sxr_addr) & IPV6_ADDR_LINKLOCAL)
		a->sxr_scope_id = p->oif;
	a->sxr_call = c->handle;
}

static bool is_request(const struct xrpc_call *c)
{
	return c->s->server;
}

/*
 * Sleep until there may be something to receive.  The receiver is on the
 * socket's own list and is woken alone.  Returns the time left, or an error.
 */
static long sleep_for_call(struct sock *sk, long timeo)
	__must_hold(&sk->sk_receive_queue.lock)
{
	struct xrpc_sock *xs = xrpc_sk(sk);
	struct xrpc_waiter w = { .task = current };

	list_add_tail(&w.link, &xs->waiters);
	set_current_state(TASK_INTERRUPTIBLE);
	xrpc_qunlock(sk);
	if (!signal_pending(current))
		timeo = schedule_timeout(timeo);
	__set_current_state(TASK_RUNNING);
	xrpc_qlock(sk);
	if (!list_empty(&w.link))
		list_del(&w.link);
	return timeo;
}

/**
 * xrpc_recv_pass_on() - a receiver leaves without a call it was woken for
 * @sk: socket, its queue locked
 *
 * Another one is woken for it.
 */
void xrpc_recv_pass_on(struct sock *sk)
{
	xrpc_assert_q(sk);
	if (!list_empty(&xrpc_sk(sk)->rxq))
		xrpc_q_readable(sk);
}

/* Refuse a request whose time is up; its queue reference is the caller's. */
static void expire(struct sock *sk, struct xrpc_call *c)
	__must_hold(&sk->sk_receive_queue.lock)
{
	xrpc_rmem_uncharge(sk, c->rx.charge);
	c->rx.charge = 0;
	xrpc_sk(sk)->load--;
	xrpc_qunlock(sk);
	xrpc_server_verdict(c, XRPC_ST_EXPIRED);
	xrpc_call_put(c);
	xrpc_qlock(sk);
}

/**
 * xrpc_recv_wait() - wait for the first call in the queue
 * @sk: socket, its queue locked; still locked on return
 * @flags: MSG_DONTWAIT
 * @err: receives 0 at the end of what will come, or an errno
 *
 * Sleeps with the lock released.
 *
 * Return: the call, still in the queue, or NULL.
 */
struct xrpc_call *xrpc_recv_wait(struct sock *sk, int flags, int *err)
	__must_hold(&sk->sk_receive_queue.lock)
{
	long timeo = sock_rcvtimeo(sk, flags & MSG_DONTWAIT);
	struct xrpc_sock *xs = xrpc_sk(sk);
	struct xrpc_call *c;

	xrpc_assert_q(sk);
	for (;;) {
		c = list_first_entry_or_null(&xs->rxq, struct xrpc_call, link);
		if (c) {
			if (likely(!is_request(c) || c->deadline == U64_MAX ||
				   c->cflags & XRPC_CALLF_TAKEN ||
				   c->deadline > xrpc_now()))
				return c;
			list_del_init(&c->link);
			expire(sk, c);
			continue;
		}
		*err = 0;
		if (sk->sk_shutdown & RCV_SHUTDOWN)
			return NULL;
		*err = -EAGAIN;
		if (!timeo)
			return NULL;
		if (signal_pending(current)) {
			*err = sock_intr_errno(timeo);
			return NULL;
		}
		timeo = sleep_for_call(sk, timeo);
		if (signal_pending(current))
			xrpc_recv_pass_on(sk);
	}
}

/**
 * xrpc_recv_take() - take the first call from the queue
 * @sk: socket, its queue locked
 * @c: call
 * @got: receives what xrpc_recv_undo() needs
 *
 * From here on a request counts as delivered, whatever happens to its bytes,
 * and its handle may be answered.
 *
 * Return: 0 or -ENOBUFS, and the call still in the queue.
 */
int xrpc_recv_take(struct sock *sk, struct xrpc_call *c, struct xrpc_got *got)
{
	struct xrpc_sock *xs = xrpc_sk(sk);

	xrpc_assert_q(sk);
	got->handle = 0;
	got->notice = c->cflags & XRPC_CALLF_NOTICE;
	if (unlikely(got->notice)) {
		got->handle = c->handle;
		got->charge = 0;
		c->cflags &= ~XRPC_CALLF_NOTICE;
		list_del_init(&c->link);
		return 0;
	}
	if (is_request(c)) {
		if (unlikely(c->oneway)) {
			/* the reply that xrpc_recv_done() sends */
			if (xrpc_tx_empty(&c->tx))
				return -ENOBUFS;
			xs->load--;
		} else {
			if (!xrpc_slot_issue(xs, c))
				return -ENOBUFS;
			got->handle = c->handle;
			xrpc_slot(xs, c->handle)->received = true;
			refcount_inc(&c->ref);	/* for the copying */
		}
	}
	c->cflags |= XRPC_CALLF_TAKEN;
	got->charge = c->rx.charge;
	list_del_init(&c->link);
	if (c->rx.charge) {
		xrpc_rmem_uncharge(sk, c->rx.charge);
		c->rx.charge = 0;
	}
	return 0;
}

/**
 * xrpc_recv_done() - a call's bytes are with the application
 * @sk: socket
 * @c: call, taken
 * @got: what xrpc_recv_take() gave
 *
 * A request's handle may be answered from here on, and a one-way message is;
 * a result's object goes.
 */
void xrpc_recv_done(struct sock *sk, struct xrpc_call *c,
		    const struct xrpc_got *got)
{
	struct xrpc_sock *xs = xrpc_sk(sk);

	if (unlikely(got->notice)) {
		xrpc_call_put(c);
		return;
	}
	if (!is_request(c)) {
		if (unlikely(c->cflags & XRPC_CALLF_COOKIE)) {
			xrpc_qlock(sk);
			xrpc_cookie_del(xs, c);
			xrpc_qunlock(sk);
		}
		xrpc_client_finish(sk, c);
		return;
	}
	if (unlikely(c->oneway))
		xrpc_server_answer(c);
	/* its slot has it: an answer may come, and does not touch this half */
	xrpc_rx_free(&c->rx);
	xrpc_call_put(c);
}

/**
 * xrpc_recv_undo() - put a call back: only peeked, or not copied
 * @sk: socket
 * @c: call, taken
 * @got: what xrpc_recv_take() gave
 */
void xrpc_recv_undo(struct sock *sk, struct xrpc_call *c,
		    const struct xrpc_got *got)
{
	struct xrpc_sock *xs = xrpc_sk(sk);

	xrpc_qlock(sk);
	if (got->handle) {
		/* answered meanwhile, or to be received as given up */
		if (c->handle != got->handle ||
		    c->cflags & XRPC_CALLF_NOTICE) {
			xrpc_qunlock(sk);
			xrpc_rx_free(&c->rx);
			xrpc_call_put(c);
			return;
		}
		if (got->notice) {
			c->cflags |= XRPC_CALLF_NOTICE;
		} else {
			xrpc_slot(xs, got->handle)->received = false;
			refcount_dec(&c->ref);	/* the slot has one */
		}
	}
	if (is_request(c) && c->oneway)
		xs->load++;
	if (got->charge && xrpc_rmem_charge(sk, got->charge, true))
		c->rx.charge = got->charge;
	list_add(&c->link, &xs->rxq);
	xrpc_q_readable(sk);
	xrpc_qunlock(sk);
}

static int put_info(struct msghdr *msg, int type, const void *data, int len)
{
	return put_cmsg(msg, SOL_XRPC, type, len, (void *)data);
}

/*
 * Tell all that is known of a call.  What goes to user space is copied to the
 * stack first: call objects are not open to it.
 */
static void put_infos(struct msghdr *msg, const struct xrpc_call *c,
		      bool notice)
{
	struct xrpc_result res = { .outcome = c->outcome, .error = c->error };
	u64 now = xrpc_now(), cookie = c->cookie, us;
	u32 word = c->rx.word;

	if (notice) {
		put_info(msg, XRPC_CANCELED, NULL, 0);
		return;
	}
	if (is_request(c)) {
		put_info(msg, XRPC_METHOD, &word, sizeof(word));
		if (c->oneway)
			put_info(msg, XRPC_ONEWAY, NULL, 0);
		if (c->deadline != U64_MAX) {
			us = c->deadline > now ?
			     div_u64(c->deadline - now, NSEC_PER_USEC) : 0;
			put_info(msg, XRPC_DEADLINE, &us, sizeof(us));
		}
		return;
	}
	if (cookie)
		put_info(msg, XRPC_COOKIE, &cookie, sizeof(cookie));
	if (c->outcome == XRPC_REPLIED)
		put_info(msg, XRPC_STATUS, &word, sizeof(word));
	put_info(msg, XRPC_OUTCOME, &res, sizeof(res));
}

/* Bytes there are to read of a call. */
static size_t readable(const struct xrpc_call *c)
{
	return is_request(c) || c->outcome == XRPC_REPLIED ? c->rx.len : 0;
}

int xrpc_recvmsg(struct socket *sock, struct msghdr *msg, size_t len, int flags)
{
	const int known = MSG_DONTWAIT | MSG_PEEK | MSG_TRUNC | MSG_WAITFORONE |
			  MSG_CMSG_COMPAT | MSG_CMSG_CLOEXEC | MSG_NOSIGNAL |
			  MSG_WAITALL;
	struct sock *sk = sock->sk;
	struct sockaddr_xrpc src;
	struct xrpc_got got;
	struct xrpc_call *c;
	size_t all, n;
	int err;

	if (flags & ~known)
		return -EINVAL;
	xrpc_qlock(sk);
	c = xrpc_recv_wait(sk, flags, &err);
	if (!c)
		goto unlock;
	if (is_request(c) && !c->oneway && !msg->msg_name) {
		/* it could never be answered */
		err = -EDESTADDRREQ;
		goto unlock;
	}
	err = xrpc_recv_take(sk, c, &got);
	if (err)
		goto unlock;
	if (msg->msg_name)
		xrpc_call_source(c, &src);
	xrpc_qunlock(sk);

	/* peeking takes it too, and puts it back: nobody frees it meanwhile */
	all = got.notice ? 0 : readable(c);
	n = min(len, all);
	if (n && xrpc_rx_to_iter(&c->rx, n, &msg->msg_iter) != n) {
		xrpc_recv_undo(sk, c, &got);
		return -EFAULT;
	}
	if (msg->msg_name) {
		memcpy(msg->msg_name, &src, sizeof(src));
		msg->msg_namelen = sizeof(src);
	}
	if (n < all)
		msg->msg_flags |= MSG_TRUNC;
	err = flags & MSG_TRUNC ? all : n;
	if (xrpc_sk(sk)->recvinfo)
		put_infos(msg, c, got.notice);
	else if (unlikely(!is_request(c) && c->outcome != XRPC_REPLIED))
		err = -c->error;
	if (flags & MSG_PEEK)
		xrpc_recv_undo(sk, c, &got);
	else
		xrpc_recv_done(sk, c, &got);
	return err;
unlock:
	if (c)
		xrpc_recv_pass_on(sk);
	xrpc_qunlock(sk);
	return err;
}
