// SPDX-License-Identifier: GPL-2.0-only
/* Sending: a send to a service starts a call, one to a request answers it. */
#include <linux/sched/signal.h>
#include <net/ipv6.h>

#include "internal.h"

/* Read the control messages of a send. */
static int parse_cmsgs(struct msghdr *msg, struct xrpc_send_info *info)
{
	struct cmsghdr *cmsg;
	u64 us;

	for_each_cmsghdr(cmsg, msg) {
		u32 len;

		if (!CMSG_OK(msg, cmsg))
			return -EINVAL;
		if (cmsg->cmsg_level != SOL_XRPC)
			return -EINVAL;
		len = cmsg->cmsg_len - sizeof(*cmsg);
		switch (cmsg->cmsg_type) {
		case XRPC_COOKIE:
			if (len != sizeof(info->cookie))
				return -EINVAL;
			memcpy(&info->cookie, CMSG_DATA(cmsg), len);
			break;
		case XRPC_METHOD:
		case XRPC_STATUS:
			if (len != sizeof(info->method))
				return -EINVAL;
			memcpy(&info->method, CMSG_DATA(cmsg), len);
			if (cmsg->cmsg_type == XRPC_STATUS)
				info->has_status = true;
			else
				info->has_method = true;
			break;
		case XRPC_DEADLINE:
			if (len != sizeof(us))
				return -EINVAL;
			memcpy(&us, CMSG_DATA(cmsg), len);
			if (!us || us > XRPC_DEADLINE_MAX)
				return -EINVAL;
			info->deadline = us * NSEC_PER_USEC;
			break;
		case XRPC_REPLAYABLE:
		case XRPC_ONEWAY:
			if (len)
				return -EINVAL;
			if (cmsg->cmsg_type == XRPC_ONEWAY)
				info->oneway = true;
			else
				info->replayable = true;
			break;
		case XRPC_CANCEL:
			if (len != sizeof(info->cancel))
				return -EINVAL;
			memcpy(&info->cancel, CMSG_DATA(cmsg), len);
			if (!info->cancel)
				return -EINVAL;
			break;
		default:
			return -EINVAL;
		}
	}
	return 0;
}

static bool send_room(const struct sock *sk)
{
	return READ_ONCE(sk->sk_wmem_queued) < READ_ONCE(sk->sk_sndbuf);
}

/* Wait until the socket may hold one more request. */
static noinline int wait_room(struct sock *sk, int flags)
{
	DEFINE_WAIT_FUNC(wait, woken_wake_function);
	long timeo = sock_sndtimeo(sk, flags & MSG_DONTWAIT);
	int err = 0;

	add_wait_queue(sk_sleep(sk), &wait);
	while (!send_room(sk)) {
		sk_set_bit(SOCKWQ_ASYNC_NOSPACE, sk);
		set_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
		if (!timeo)
			err = -EAGAIN;
		else if (signal_pending(current))
			err = sock_intr_errno(timeo);
		else if (READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN)
			err = -EPIPE;
		if (err)
			break;
		timeo = wait_woken(&wait, TASK_INTERRUPTIBLE, timeo);
	}
	remove_wait_queue(sk_sleep(sk), &wait);
	return err;
}

/* The session for a destination, referenced; the connected one is at hand. */
static struct xrpc_session *find_session(struct sock *sk,
					 const struct sockaddr_xrpc *dest)
{
	struct xrpc_sock *xs = xrpc_sk(sk);
	struct sockaddr_xrpc peer;
	struct xrpc_session *s;

	if (dest)
		return xrpc_session_client(sk, dest);
	rcu_read_lock();
	s = rcu_dereference(xs->conn);
	if (likely(s && READ_ONCE(s->state) < XRPC_SESS_CLOSED &&
		   refcount_inc_not_zero(&s->ref))) {
		rcu_read_unlock();
		return s;
	}
	rcu_read_unlock();

	spin_lock_bh(&xs->sess_lock);
	peer = xs->peer;
	spin_unlock_bh(&xs->sess_lock);
	s = xrpc_session_client(sk, &peer);
	if (!IS_ERR(s)) {
		xrpc_session_get(s);
		xrpc_session_conn(xs, s, &peer);
	}
	return s;
}

/* A call object, the socket's spare one if it is there. */
static struct xrpc_call *get_call(struct sock *sk)
{
	struct xrpc_call *c = xchg(&xrpc_sk(sk)->spare, NULL);

	if (likely(c))
		return c;
	c = xrpc_call_alloc(XRPC_GFP_SEND);
	if (c)
		c->sk = sk;
	return c;
}

/*
 * Give a call the session for its destination.  The spare call has that of the
 * one before it, which is mostly the same.
 */
static int set_session(struct sock *sk, struct xrpc_call *c,
		       const struct sockaddr_xrpc *dest)
{
	struct xrpc_session *s, *old = c->s;

	if (likely(!dest && old &&
		   old == rcu_access_pointer(xrpc_sk(sk)->conn) &&
		   READ_ONCE(old->state) < XRPC_SESS_CLOSED))
		return 0;
	s = find_session(sk, dest);
	if (IS_ERR(s))
		return PTR_ERR(s);
	/* by its name others find the call already */
	xrpc_qlock(sk);
	c->s = s;
	xrpc_qunlock(sk);
	if (old)
		xrpc_session_put(old);
	return 0;
}

/* Charge a request to the sending socket, and name it. */
static int admit(struct sock *sk, struct xrpc_call *c)
{
	u32 size = c->tx.buf ? c->tx.buf->charge : c->tx.skb->truesize;
	int err = 0;

	xrpc_qlock(sk);
	/* results nobody fetches: no more calls until some are */
	if (atomic_read(&sk->sk_rmem_alloc) > 2 * (s64)READ_ONCE(sk->sk_rcvbuf))
		err = -ENOBUFS;
	else if (c->cookie)
		err = xrpc_cookie_add(xrpc_sk(sk), c);
	if (!err && !xrpc_mem_charge(sk, size, SK_MEM_SEND)) {
		xrpc_cookie_del(xrpc_sk(sk), c);
		err = -ENOBUFS;
	}
	if (!err) {
		sk_wmem_queued_add(sk, size);
		c->charged = size;
	}
	xrpc_qunlock(sk);
	return err;
}

/**
 * xrpc_client_prepare() - make a call, and begin it
 * @sk: socket
 * @dest: checked destination, NULL for the connected peer
 * @from: request
 * @len: its bytes
 * @info: what goes with it
 * @flags: MSG_DONTWAIT
 * @waiter: the reply goes to the current task, not to the queue
 *
 * Sleeps.
 *
 * Return: the call, referenced for the caller, or an error pointer.
 */
struct xrpc_call *xrpc_client_prepare(struct sock *sk,
				      const struct sockaddr_xrpc *dest,
				      struct iov_iter *from, size_t len,
				      const struct xrpc_send_info *info,
				      int flags, bool waiter)
{
	struct xrpc_sock *xs = xrpc_sk(sk);
	struct xrpc_call *c;
	u64 timeout;
	int err;

	if (unlikely(READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN))
		return ERR_PTR(-EPIPE);
	/* pairs with the release in xrpc_connect() */
	if (!dest && !smp_load_acquire(&xs->connected))
		return ERR_PTR(-EDESTADDRREQ);
	if (len > XRPC_MSG_MAX)
		return ERR_PTR(-EMSGSIZE);
	/* pairs with the release of whoever bound it */
	if (unlikely(!smp_load_acquire(&xs->ep))) {
		err = xrpc_autobind(sk);
		if (err)
			return ERR_PTR(err);
	}
	if (unlikely(!send_room(sk))) {
		err = wait_room(sk, flags);
		if (err)
			return ERR_PTR(err);
	}
	c = get_call(sk);
	if (!c)
		return ERR_PTR(-ENOBUFS);
	err = set_session(sk, c, dest);
	if (unlikely(err))
		goto put_call;
	err = xrpc_tx_from_iter(&c->tx, READ_ONCE(c->s->path.mss), from, len);
	if (unlikely(err))
		goto put_call;
	c->tx.word = info->method;
	c->tx.flags = info->method ? XRPC_DF_METHOD : 0;
	c->cflags = waiter ? XRPC_CALLF_WAITER : 0;
	if (info->replayable)
		c->tx.flags |= XRPC_DF_REPLAYABLE;
	if (info->oneway) {
		c->tx.flags |= XRPC_DF_ONEWAY;
		/* who wants to be told names it, or receives with information */
		if (!info->cookie && !READ_ONCE(xs->recvinfo))
			c->cflags |= XRPC_CALLF_QUIET;
	}
	c->state = XRPC_CALL_IDLE;
	c->waiter = waiter ? current : NULL;
	c->cookie = info->cookie;
	c->error = 0;
	c->first_sent = 0;
	c->tokenless = false;
	c->replayed = false;
	c->retry = 0;
	c->retries = 0;
	timeout = info->deadline ? : READ_ONCE(xs->default_deadline);
	/* only a deadline somebody asked for is worth its bytes */
	c->tell_deadline = info->deadline;
	err = admit(sk, c);
	if (unlikely(err))
		goto put_call;
	while (unlikely(xrpc_client_start(c, timeout) == -EAGAIN)) {
		err = set_session(sk, c, dest);
		if (err)
			goto unadmit;
	}
	return c;

unadmit:
	xrpc_qlock(sk);
	xrpc_cookie_del(xs, c);
	xrpc_wmem_uncharge(sk, c);
	xrpc_qunlock(sk);
	xrpc_call_put(c);
	return ERR_PTR(err);
put_call:
	xrpc_call_put(c);
	return ERR_PTR(err);
}

/**
 * xrpc_client_finish() - done with a call whose result was taken
 * @sk: socket
 * @c: call, ended; takes over the caller's reference
 *
 * The object stays with the socket for the next call, if nobody else has it.
 */
void xrpc_client_finish(struct sock *sk, struct xrpc_call *c)
{
	if (refcount_read(&c->ref) != 1 || c->tx.buf || !c->tx.skb ||
	    c->tx.skb->truesize > XRPC_SPARE_SKB_MAX)
		goto put;
	xrpc_rx_free(&c->rx);
	c = xchg(&xrpc_sk(sk)->spare, c);
	if (likely(!c))
		return;
put:
	xrpc_call_put(c);
}

/* Whether an address is the one a request came from. */
static bool same_source(const struct xrpc_call *c,
			const struct sockaddr_xrpc *a)
{
	struct sockaddr_xrpc src;

	xrpc_call_source(c, &src);
	src.sxr_call = a->sxr_call;
	return !memcmp(&src, a, sizeof(src));
}

/**
 * xrpc_answer() - answer a request
 * @sk: socket that received it
 * @handle: its handle
 * @dest: address given with it, NULL not to compare
 * @from: reply
 * @len: its bytes
 * @status: the service's status
 *
 * Sleeps.
 *
 * Return: 0; -EINVAL not a handle of this socket or not its address; -EALREADY
 * answered; -ECANCELED, -ETIMEDOUT the call is gone; others where the reply
 * could not be read.
 */
int xrpc_answer(struct sock *sk, u64 handle, const struct sockaddr_xrpc *dest,
		struct iov_iter *from, size_t len, u32 status)
{
	struct xrpc_sock *xs = xrpc_sk(sk);
	struct xrpc_slot *slot;
	struct xrpc_call *c;
	int err;

	if (len > XRPC_MSG_MAX)
		return -EMSGSIZE;
	xrpc_qlock(sk);
	err = xrpc_slot_find(xs, handle, &slot);
	if (!err && dest && !same_source(slot->call, dest))
		err = -EINVAL;
	if (unlikely(err)) {
		xrpc_qunlock(sk);
		return err;
	}
	/* from here on the reply is this thread's to write */
	slot->answering = true;
	c = slot->call;
	xrpc_qunlock(sk);

	err = xrpc_tx_from_iter(&c->tx, READ_ONCE(c->s->path.mss), from, len);
	if (likely(!err)) {
		c->tx.word = status;
		c->tx.flags = status ? XRPC_DF_METHOD : 0;
	}
	xrpc_qlock(sk);
	/* the table may have grown meanwhile */
	slot = xrpc_slot(xs, handle);
	if (unlikely(err)) {
		slot->answering = false;
		xrpc_qunlock(sk);
		return err;
	}
	xrpc_slot_release(xs, slot);
	if (unlikely(c->cflags & XRPC_CALLF_NOTICE)) {
		/* the error says the same */
		c->cflags &= ~XRPC_CALLF_NOTICE;
		list_del_init(&c->link);
		refcount_dec(&c->ref);
	}
	xrpc_qunlock(sk);
	err = xrpc_server_answer(c);
	if (unlikely(c->seq == XRPC_NEAR_AFTER))
		xrpc_udp_near(c->s);
	xrpc_call_put(c);
	return err;
}

/* Give up the call with a name. */
static int cancel(struct sock *sk, const struct xrpc_send_info *info)
{
	struct xrpc_session *s;
	struct xrpc_call *c;
	int err;

	if (info->cookie || info->deadline || info->replayable ||
	    info->oneway || info->has_method || info->has_status)
		return -EINVAL;
	xrpc_qlock(sk);
	c = xrpc_cookie_find(xrpc_sk(sk), info->cancel);
	if (c) {
		refcount_inc(&c->ref);
		s = c->s;
		xrpc_session_get(s);
	}
	xrpc_qunlock(sk);
	if (!c)
		return -ENOENT;
	err = xrpc_client_cancel(s, c);
	xrpc_session_put(s);
	xrpc_call_put(c);
	return err;
}

int xrpc_sendmsg(struct socket *sock, struct msghdr *msg, size_t len)
{
	const int known = MSG_DONTWAIT | MSG_NOSIGNAL | MSG_BATCH |
			  MSG_CMSG_COMPAT;
	struct sockaddr_xrpc *dest = msg->msg_name;
	struct xrpc_send_info info = {};
	struct sock *sk = sock->sk;
	struct xrpc_call *c;
	int err;

	if (msg->msg_flags & ~known)
		return -EINVAL;
	if (dest) {
		err = xrpc_addr_check(dest, msg->msg_namelen);
		if (err)
			return err;
	}
	if (msg->msg_controllen) {
		err = parse_cmsgs(msg, &info);
		if (err)
			return err;
	}
	if (info.cancel)
		return dest || len ? -EINVAL : cancel(sk, &info);
	if (dest && dest->sxr_call) {
		if (info.cookie || info.deadline || info.replayable ||
		    info.oneway || info.has_method)
			return -EINVAL;
		err = xrpc_answer(sk, dest->sxr_call, dest, &msg->msg_iter, len,
				  info.method);
		return err ? : len;
	}
	if (info.has_status)
		return -EINVAL;
	if (dest) {
		if (!dest->sxr_port)
			return -EINVAL;
		xrpc_addr_dest(dest);
	}
	c = xrpc_client_prepare(sk, dest, &msg->msg_iter, len, &info,
				msg->msg_flags, false);
	if (IS_ERR(c)) {
		err = PTR_ERR(c);
		if (err == -EPIPE && !(msg->msg_flags & MSG_NOSIGNAL))
			send_sig(SIGPIPE, current, 0);
		return err;
	}
	xrpc_call_put(c);
	return len;
}
