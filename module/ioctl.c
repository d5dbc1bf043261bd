// SPDX-License-Identifier: GPL-2.0-only
/*
 * The operations that are one system call: a whole call for the client, answer
 * and next request for the server.
 *
 * Neither restarts after a signal once something was queued.
 */
#include <linux/sched/signal.h>
#include <linux/uaccess.h>

#include "internal.h"

static int user_iter(struct iov_iter *it, unsigned int dir, u64 at, u32 len)
{
	void __user *p = u64_to_user_ptr(at);

	if ((u64)(unsigned long)p != at || !access_ok(p, len))
		return -EFAULT;
	iov_iter_ubuf(it, dir, p, len);
	return 0;
}

/* Wait for a call's end.  Returns false where a signal came first. */
static bool wait_told(struct xrpc_call *c)
{
	bool told;

	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		/* pairs with xrpc_client_end() */
		told = smp_load_acquire(&c->cflags) & XRPC_CALLF_TOLD;
		if (told || signal_pending(current))
			break;
		schedule();
	}
	__set_current_state(TASK_RUNNING);
	return told;
}

static void give_up(struct xrpc_call *c)
{
	struct xrpc_session *s = c->s;
	struct xrpc_txq q;

	xrpc_session_begin(s, &q);
	xrpc_client_abandon(c, EINTR, &q, xrpc_now());
	xrpc_session_end(s, &q);
}

static int call_args_dest(const struct xrpc_call_args *a,
			  struct sockaddr_xrpc *dest)
{
	if (a->addr_len != sizeof(*dest))
		return -EINVAL;
	if (copy_from_user(dest, u64_to_user_ptr(a->addr), sizeof(*dest)))
		return -EFAULT;
	if (dest->sxr_call || !dest->sxr_port)
		return -EINVAL;
	xrpc_addr_dest(dest);
	return xrpc_addr_check(dest, sizeof(*dest));
}

static int call(struct sock *sk, struct xrpc_call_args *a, int flags)
{
	struct xrpc_send_info info = {
		.method = a->method,
		.deadline = a->deadline * NSEC_PER_USEC,
		.replayable = a->flags & XRPC_CALL_REPLAYABLE,
	};
	struct sockaddr_xrpc dest;
	struct iov_iter req, reply;
	struct xrpc_call *c;
	size_t n;
	int err;

	a->outcome = XRPC_NOT_EXECUTED;
	if (a->flags & ~XRPC_CALL_REPLAYABLE || a->reserved[0] ||
	    a->reserved[1] || a->deadline > XRPC_DEADLINE_MAX)
		return -EINVAL;
	err = user_iter(&req, ITER_SOURCE, a->req, a->req_len);
	if (!err)
		err = user_iter(&reply, ITER_DEST, a->reply, a->reply_len);
	if (!err && a->addr)
		err = call_args_dest(a, &dest);
	if (err)
		return err;
	c = xrpc_client_prepare(sk, a->addr ? &dest : NULL, &req, a->req_len,
				&info, flags, true);
	if (IS_ERR(c))
		return PTR_ERR(c);
	/* whom the request woke may run first: the reply may then be here, and
	 * going to sleep and being woken is saved
	 */
	cond_resched();
	if (unlikely(!wait_told(c)))
		give_up(c);
	a->outcome = c->outcome;
	err = -c->error;
	if (likely(c->outcome == XRPC_REPLIED)) {
		n = min(a->reply_len, c->rx.len);
		if (n < c->rx.len)
			a->flags |= XRPC_CALL_TRUNC;
		a->reply_len = c->rx.len;
		a->status = c->rx.word;
		if (n && xrpc_rx_to_iter(&c->rx, n, &reply) != n)
			err = -EFAULT;
	}
	xrpc_client_finish(sk, c);
	return err;
}

static int next_request(struct sock *sk, struct xrpc_serve_args *a, int flags)
{
	struct sockaddr_xrpc src;
	struct iov_iter room;
	struct xrpc_got got;
	struct xrpc_call *c;
	u32 len;
	u64 now;
	size_t n;
	int err;

	err = user_iter(&room, ITER_DEST, a->req, a->req_len);
	if (err)
		return err;
	xrpc_qlock(sk);
	c = xrpc_recv_wait(sk, flags, &err);
	if (!c) {
		xrpc_qunlock(sk);
		return err ? : -ESHUTDOWN;
	}
	if (!c->s->server) {
		/* a result of a call that this socket made: recvmsg has it */
		xrpc_recv_pass_on(sk);
		xrpc_qunlock(sk);
		return -EPROTO;
	}
	err = xrpc_recv_take(sk, c, &got);
	if (unlikely(err))
		xrpc_recv_pass_on(sk);
	else if (a->addr)
		xrpc_call_source(c, &src);
	xrpc_qunlock(sk);
	if (err)
		return err;
	len = got.notice ? 0 : c->rx.len;
	n = min(a->req_len, len);
	if ((n && xrpc_rx_to_iter(&c->rx, n, &room) != n) ||
	    (a->addr && copy_to_user(u64_to_user_ptr(a->addr), &src,
				     sizeof(src)))) {
		xrpc_recv_undo(sk, c, &got);
		return -EFAULT;
	}
	if (n < len)
		a->flags |= XRPC_SERVE_TRUNC;
	a->req_len = len;
	a->call = got.handle;
	a->method = 0;
	a->deadline = 0;
	if (unlikely(got.notice)) {
		a->flags |= XRPC_SERVE_CANCELED;
		xrpc_recv_done(sk, c, &got);
		return 0;
	}
	a->method = c->rx.word;
	if (unlikely(c->oneway))
		a->flags |= XRPC_SERVE_ONEWAY;
	if (c->deadline != U64_MAX) {
		now = xrpc_now();
		a->deadline = c->deadline > now ?
			      div_u64(c->deadline - now, NSEC_PER_USEC) : 0;
	}
	xrpc_recv_done(sk, c, &got);
	return 0;
}

static int serve(struct sock *sk, struct xrpc_serve_args *a, int flags)
{
	struct iov_iter reply;
	int err;

	if (a->flags & ~XRPC_SERVE_DONTWAIT || a->reserved[0] ||
	    a->reserved[1] ||
	    (a->addr && a->addr_len != sizeof(struct sockaddr_xrpc)))
		return -EINVAL;
	if (a->flags & XRPC_SERVE_DONTWAIT)
		flags |= MSG_DONTWAIT;
	a->flags = 0;
	if (a->call) {
		err = user_iter(&reply, ITER_SOURCE, a->reply, a->reply_len);
		if (!err)
			err = xrpc_answer(sk, a->call, NULL, &reply,
					  a->reply_len, a->status);
		if (err)
			return err;
		a->flags = XRPC_SERVE_ANSWERED;
		a->call = 0;
		cond_resched();		/* as in call() */
	}
	return next_request(sk, a, flags);
}

/* A system call that has done something is not done again. */
static int no_restart(int err)
{
	return err == -ERESTARTSYS ? -EINTR : err;
}

static int ioc_call(struct sock *sk, struct xrpc_call_args __user *at,
		    int flags)
{
	struct xrpc_call_args a;
	int err;

	if (copy_from_user(&a, at, sizeof(a)))
		return -EFAULT;
	err = no_restart(call(sk, &a, flags));
	if (!user_write_access_begin(at, sizeof(*at)))
		return -EFAULT;
	unsafe_put_user(a.reply_len, &at->reply_len, fault);
	unsafe_put_user(a.flags, &at->flags, fault);
	unsafe_put_user(a.status, &at->status, fault);
	unsafe_put_user(a.outcome, &at->outcome, fault);
	unsafe_put_user(-err, &at->error, fault);
	user_write_access_end();
	return err;
fault:
	user_write_access_end();
	return -EFAULT;
}

static int ioc_serve(struct sock *sk, struct xrpc_serve_args __user *at,
		     int flags)
{
	struct xrpc_serve_args a;
	int err;

	if (copy_from_user(&a, at, sizeof(a)))
		return -EFAULT;
	err = no_restart(serve(sk, &a, flags));
	if (!user_write_access_begin(at, sizeof(*at)))
		return -EFAULT;
	unsafe_put_user(a.call, &at->call, fault);
	unsafe_put_user(a.deadline, &at->deadline, fault);
	unsafe_put_user(a.req_len, &at->req_len, fault);
	unsafe_put_user(a.method, &at->method, fault);
	unsafe_put_user(a.flags, &at->flags, fault);
	user_write_access_end();
	return err;
fault:
	user_write_access_end();
	return -EFAULT;
}

int xrpc_ioctl(struct socket *sock, unsigned int cmd, unsigned long arg)
{
	int flags = sock->file && sock->file->f_flags & O_NONBLOCK ?
		    MSG_DONTWAIT : 0;
	void __user *at = (void __user *)arg;

	switch (cmd) {
	case XRPC_IOC_CALL:
		return ioc_call(sock->sk, at, flags);
	case XRPC_IOC_SERVE:
		return ioc_serve(sock->sk, at, flags);
	default:
		return -ENOIOCTLCMD;
	}
}
