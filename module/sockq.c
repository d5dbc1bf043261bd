// SPDX-License-Identifier: GPL-2.0-only
/*
 * A socket's queue: calls to be received, who waits for them, the handles the
 * application answers to, its cookies, and what all that is charged.
 *
 * All of it under the lock of sk->sk_receive_queue, which is used for its lock
 * alone: the queue is of calls.
 */
#include <linux/sched/signal.h>

#include "internal.h"

/* ---- memory ---------------------------------------------------------- */

/* Bytes a socket keeps allocated for its next messages. */
#define MEM_SLACK	(32 * 1024)

/**
 * xrpc_mem_charge() - charge bytes to a socket's memory accounting
 * @sk: socket, its queue locked
 * @size: bytes
 * @kind: SK_MEM_SEND or SK_MEM_RECV
 *
 * Return: whether there were any.
 */
bool xrpc_mem_charge(struct sock *sk, u32 size, int kind)
{
	xrpc_assert_q(sk);
	if ((int)size > sk->sk_forward_alloc &&
	    !__sk_mem_schedule(sk, size + MEM_SLACK / 2, kind) &&
	    !__sk_mem_schedule(sk, size, kind))
		return false;
	sk->sk_forward_alloc -= size;
	return true;
}

/* A message's worth at a time would cost more than the message. */
static void mem_uncharge(struct sock *sk, u32 size)
{
	sk->sk_forward_alloc += size;
	if (unlikely(sk->sk_forward_alloc > MEM_SLACK))
		sk_mem_reclaim(sk);
}

/**
 * xrpc_rmem_charge() - charge received bytes to a socket
 * @sk: socket, its queue locked
 * @size: bytes
 * @force: also beyond SO_RCVBUF: somebody is waiting for these
 *
 * Return: whether there was room.
 */
bool xrpc_rmem_charge(struct sock *sk, u32 size, bool force)
{
	int now = atomic_read(&sk->sk_rmem_alloc);

	xrpc_assert_q(sk);
	/* an empty queue takes any one message */
	if (!force && now && now + (u64)size > READ_ONCE(sk->sk_rcvbuf))
		return false;
	if (!xrpc_mem_charge(sk, size, SK_MEM_RECV))
		return false;
	atomic_add(size, &sk->sk_rmem_alloc);
	return true;
}

/**
 * xrpc_rmem_uncharge() - give received bytes back
 * @sk: socket, its queue locked
 * @size: bytes
 */
void xrpc_rmem_uncharge(struct sock *sk, u32 size)
{
	xrpc_assert_q(sk);
	atomic_sub(size, &sk->sk_rmem_alloc);
	mem_uncharge(sk, size);
}

/**
 * xrpc_wmem_uncharge() - give back what a client's request was charged
 * @sk: socket, its queue locked
 * @c: call
 */
void xrpc_wmem_uncharge(struct sock *sk, struct xrpc_call *c)
{
	bool full;

	xrpc_assert_q(sk);
	if (!c->charged)
		return;
	full = sk->sk_wmem_queued >= READ_ONCE(sk->sk_sndbuf);
	sk_wmem_queued_add(sk, -(int)c->charged);
	mem_uncharge(sk, c->charged);
	c->charged = 0;
	if (unlikely(full))
		sk->sk_write_space(sk);
}

/* ---- queue ----------------------------------------------------------- */

/**
 * xrpc_q_readable() - tell whoever waits that there is something to receive
 * @sk: socket, its queue locked
 *
 * A receiver asleep is woken by itself, which costs a third of what the wait
 * queue does.  Polls, epoll and io_uring wait elsewhere and are told as well.
 */
void xrpc_q_readable(struct sock *sk)
{
	struct xrpc_sock *xs = xrpc_sk(sk);
	struct xrpc_waiter *w;

	xrpc_assert_q(sk);
	w = list_first_entry_or_null(&xs->waiters, struct xrpc_waiter, link);
	if (w) {
		list_del_init(&w->link);
		wake_up_process(w->task);
	}
	if (skwq_has_sleeper(rcu_access_pointer(sk->sk_wq)) ||
	    sock_flag(sk, SOCK_FASYNC))
		sk->sk_data_ready(sk);
}

/**
 * xrpc_q_add() - queue a call to be received
 * @sk: socket, its queue locked
 * @c: call; the queue takes the caller's reference
 *
 * Return: false where the socket is closing.
 */
bool xrpc_q_add(struct sock *sk, struct xrpc_call *c)
{
	struct xrpc_sock *xs = xrpc_sk(sk);

	xrpc_assert_q(sk);
	if (xs->closing)
		return false;
	list_add_tail(&c->link, &xs->rxq);
	xrpc_q_readable(sk);
	return true;
}

/**
 * xrpc_q_notice() - tell the application that a request it has was given up
 * @sk: socket, its queue locked
 * @c: the request's call, received
 *
 * Only an application that receives with information can tell it from a
 * request; others learn it from their late answer.
 */
void xrpc_q_notice(struct sock *sk, struct xrpc_call *c)
{
	struct xrpc_sock *xs = xrpc_sk(sk);

	xrpc_assert_q(sk);
	if (!READ_ONCE(xs->recvinfo) || xs->closing || !c->handle ||
	    !list_empty(&c->link))
		return;
	c->cflags |= XRPC_CALLF_NOTICE;
	refcount_inc(&c->ref);
	list_add_tail(&c->link, &xs->rxq);
	xrpc_q_readable(sk);
}

/* ---- handles --------------------------------------------------------- */

static bool slots_grow(struct xrpc_sock *xs)
{
	u32 n = xs->nslots ? xs->nslots * 2 : 16, i;
	struct xrpc_slot *slots;

	if (n > 1U << XRPC_SLOT_BITS)
		return false;
	slots = kvcalloc(n, sizeof(*slots), GFP_ATOMIC | __GFP_ACCOUNT);
	if (!slots)
		return false;
	if (xs->nslots)
		memcpy(slots, xs->slots, xs->nslots * sizeof(*slots));
	for (i = xs->nslots; i < n; i++)
		slots[i].next_free = i + 1 < n ? i + 2 : 0;
	xs->slot_free = xs->nslots + 1;
	kvfree(xs->slots);
	xs->slots = slots;
	xs->nslots = n;
	return true;
}

/**
 * xrpc_slot_issue() - give a call the handle that answers it
 * @xs: socket, its queue locked
 * @c: call; the slot holds it, with the queue's reference
 *
 * A handle is the slot's index and how often the slot was issued: it never
 * comes again.
 *
 * Return: the handle, 0 without memory.
 */
u64 xrpc_slot_issue(struct xrpc_sock *xs, struct xrpc_call *c)
{
	struct xrpc_slot *slot;
	u32 i;

	xrpc_assert_q(&xs->sk);
	if (c->handle)
		return c->handle;
	if (!xs->slot_free && !slots_grow(xs))
		return 0;
	i = xs->slot_free - 1;
	slot = &xs->slots[i];
	xs->slot_free = slot->next_free;
	slot->call = c;
	slot->received = false;
	slot->answering = false;
	slot->gen++;
	c->handle = slot->gen << XRPC_SLOT_BITS | i;
	return c->handle;
}

/**
 * xrpc_slot_find() - what a handle stands for
 * @xs: socket, its queue locked
 * @handle: from user space
 * @slot: receives it
 *
 * Return: 0; -EINVAL never issued, or not received yet; -EALREADY answered.
 */
int xrpc_slot_find(struct xrpc_sock *xs, u64 handle, struct xrpc_slot **slot)
{
	u32 i = handle & ((1U << XRPC_SLOT_BITS) - 1);
	u64 gen = handle >> XRPC_SLOT_BITS;

	xrpc_assert_q(&xs->sk);
	if (i >= xs->nslots || !gen || gen > xs->slots[i].gen)
		return -EINVAL;
	*slot = &xs->slots[i];
	if (gen < (*slot)->gen || !(*slot)->call || (*slot)->answering)
		return -EALREADY;
	if (!(*slot)->received)
		return -EINVAL;
	return 0;
}

/**
 * xrpc_slot_release() - a handle is done with
 * @xs: socket, its queue locked
 * @slot: its slot; the caller takes over the reference to the call
 */
void xrpc_slot_release(struct xrpc_sock *xs, struct xrpc_slot *slot)
{
	xrpc_assert_q(&xs->sk);
	xs->load--;
	slot->call->handle = 0;
	slot->call = NULL;
	/* a slot issued too often is not issued again */
	if (slot->gen >> (64 - XRPC_SLOT_BITS - 1))
		return;
	slot->next_free = xs->slot_free;
	xs->slot_free = slot - xs->slots + 1;
}

/* ---- cookies --------------------------------------------------------- */

/**
 * xrpc_cookie_add() - name a call
 * @xs: socket, its queue locked
 * @c: call with its cookie set, not 0
 *
 * Return: 0 or -EEXIST.
 */
int xrpc_cookie_add(struct xrpc_sock *xs, struct xrpc_call *c)
{
	struct rb_node **p = &xs->cookies.rb_node, *parent = NULL;

	xrpc_assert_q(&xs->sk);
	while (*p) {
		struct xrpc_call *x = rb_entry(*p, struct xrpc_call,
					       cookie_node);

		parent = *p;
		if (c->cookie == x->cookie)
			return -EEXIST;
		p = c->cookie < x->cookie ? &parent->rb_left :
					    &parent->rb_right;
	}
	rb_link_node(&c->cookie_node, parent, p);
	rb_insert_color(&c->cookie_node, &xs->cookies);
	c->cflags |= XRPC_CALLF_COOKIE;
	return 0;
}

/**
 * xrpc_cookie_find() - the call with a name
 * @xs: socket, its queue locked
 * @cookie: its name
 *
 * Return: the call, good while the lock is held, or NULL.
 */
struct xrpc_call *xrpc_cookie_find(struct xrpc_sock *xs, u64 cookie)
{
	struct rb_node *p = xs->cookies.rb_node;
	struct xrpc_call *c;

	xrpc_assert_q(&xs->sk);
	while (p) {
		c = rb_entry(p, struct xrpc_call, cookie_node);
		if (c->cookie == cookie)
			return c;
		p = cookie < c->cookie ? p->rb_left : p->rb_right;
	}
	return NULL;
}

/**
 * xrpc_cookie_del() - a call's name is free again
 * @xs: socket, its queue locked
 * @c: call
 */
void xrpc_cookie_del(struct xrpc_sock *xs, struct xrpc_call *c)
{
	xrpc_assert_q(&xs->sk);
	if (!(c->cflags & XRPC_CALLF_COOKIE))
		return;
	rb_erase(&c->cookie_node, &xs->cookies);
	c->cflags &= ~XRPC_CALLF_COOKIE;
}

/* ---- end ------------------------------------------------------------- */

/**
 * xrpc_sock_drain() - empty a socket that is being released
 * @sk: socket, no longer reachable by name
 *
 * Requests not yet delivered go to another socket of the group or are refused,
 * delivered ones end unknown, replies are dropped.  Process context.
 */
void xrpc_sock_drain(struct sock *sk)
{
	struct xrpc_sock *xs = xrpc_sk(sk);
	struct xrpc_call *c, *tmp;
	LIST_HEAD(gone);
	u32 charge, i;

	xrpc_qlock(sk);
	xs->closing = true;
	list_for_each_entry_safe(c, tmp, &xs->rxq, link) {
		if (c->cflags & XRPC_CALLF_NOTICE) {
			/* the table has it too */
			c->cflags &= ~XRPC_CALLF_NOTICE;
			list_del_init(&c->link);
			refcount_dec(&c->ref);
			continue;
		}
		if (c->handle)		/* peeked: in the table as well */
			xrpc_slot_release(xs, xrpc_slot(xs, c->handle));
		/* from here on the list is this function's alone */
		c->cflags |= XRPC_CALLF_DRAINED;
		list_move_tail(&c->link, &gone);
	}
	for (i = 0; i < xs->nslots; i++) {
		c = xs->slots[i].call;
		if (!c)
			continue;
		xrpc_slot_release(xs, &xs->slots[i]);
		list_add_tail(&c->link, &gone);
	}
	xrpc_qunlock(sk);

	list_for_each_entry_safe(c, tmp, &gone, link) {
		list_del_init(&c->link);
		xrpc_qlock(sk);
		xrpc_cookie_del(xs, c);
		charge = c->rx.charge;
		if (charge) {
			xrpc_rmem_uncharge(sk, charge);
			c->rx.charge = 0;
		}
		xrpc_wmem_uncharge(sk, c);
		xrpc_qunlock(sk);
		if (!c->s || !c->s->server)
			;
		else if (c->cflags & XRPC_CALLF_TAKEN)
			xrpc_server_verdict(c, XRPC_ST_ABORTED);
		else if (!xrpc_server_move(c, charge))
			xrpc_server_verdict(c, XRPC_ST_REFUSED);
		xrpc_call_put(c);
	}
	kvfree(xs->slots);
	xs->slots = NULL;
	xs->nslots = 0;
	c = xchg(&xs->spare, NULL);
	if (c)
		xrpc_call_put(c);
}
