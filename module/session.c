// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sessions: their tables, life and end.
 *
 * A session is made by a client socket's first call to a service, or by the
 * first opening packet that arrives with a good token.  It is found by the
 * connection id in a packet, never by an address.
 */
#include <net/dst.h>
#include <net/ipv6.h>

#include "internal.h"
#include "trace.h"

static struct kmem_cache *session_cache;

static u32 id_hash(const void *data, u32 len, u32 seed)
{
	/* ids are drawn by a keyed permutation: any bits of them will do */
	return *(const u64 *)data ^ seed;
}

/* else eight bytes are compared by a call of memcmp() for each packet */
static int id_cmp(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct xrpc_session *s = obj;

	/* one that is renewed may still be looked at */
	return READ_ONCE(s->id) != *(const u64 *)arg->key;
}

static u32 remote_hash(const void *data, u32 len, u32 seed)
{
	const struct xrpc_remote_key *k = data;

	/* the remote chose this id */
	return jhash_2words(k->id, k->id >> 32,
			    seed ^ (u32)(unsigned long)k->ep);
}

static const struct rhashtable_params id_params = {
	.head_offset = offsetof(struct xrpc_session, id_node),
	.key_offset = offsetof(struct xrpc_session, id),
	.key_len = sizeof(u64),
	.hashfn = id_hash,
	.obj_cmpfn = id_cmp,
	.automatic_shrinking = true,
};

static const struct rhashtable_params remote_params = {
	.head_offset = offsetof(struct xrpc_session, remote_node),
	.key_offset = offsetof(struct xrpc_session, remote),
	.key_len = sizeof(struct xrpc_remote_key),
	.hashfn = remote_hash,
	.automatic_shrinking = true,
};

int __init xrpc_session_init(void)
{
	session_cache = KMEM_CACHE(xrpc_session,
				   SLAB_HWCACHE_ALIGN | SLAB_ACCOUNT);
	return session_cache ? 0 : -ENOMEM;
}

void xrpc_session_exit(void)
{
	kmem_cache_destroy(session_cache);
}

int xrpc_session_init_net(struct xrpc_net *xn)
{
	int err = rhashtable_init(&xn->sessions, &id_params);

	if (err)
		return err;
	err = rhashtable_init(&xn->remotes, &remote_params);
	if (err)
		rhashtable_destroy(&xn->sessions);
	return err;
}

void xrpc_session_exit_net(struct xrpc_net *xn)
{
	rhashtable_destroy(&xn->remotes);
	rhashtable_destroy(&xn->sessions);
}

/**
 * xrpc_session_alloc() - make a session, not yet in any table
 * @ep: its endpoint
 * @server: whether the other side opened it
 * @gfp: how to allocate
 *
 * Return: a session with one reference, or NULL.
 */
struct xrpc_session *xrpc_session_alloc(struct xrpc_endpoint *ep, bool server,
					gfp_t gfp)
{
	struct xrpc_session *s = kmem_cache_zalloc(session_cache, gfp);

	if (!s)
		return NULL;
	refcount_set(&s->ref, 1);
	spin_lock_init(&s->lock);
	refcount_inc(&ep->ref);
	s->ep = ep;
	s->xn = ep->xn;
	s->server = server;
	s->show_id = server;
	s->id = xrpc_endpoint_new_id(ep);
	s->state = server ? XRPC_SESS_OPEN : XRPC_SESS_NEW;
	s->chans = XRPC_CHANS_MAX;
	s->peer_ack_delay = server ? XRPC_ACK_DELAY_CLIENT :
				     XRPC_ACK_DELAY_SERVER;
	s->heard = xrpc_now();
	s->used = s->heard;
	s->rtt_pn = U64_MAX;
	s->sent = s->sent0;
	s->sent_mask = XRPC_SENT_MIN - 1;
	s->path.mss = XRPC_MSS_MIN;
	INIT_LIST_HEAD(&s->txq);
	INIT_LIST_HEAD(&s->pending);
	INIT_LIST_HEAD(&s->ep_link);
	INIT_HLIST_NODE(&s->sk_link_node);
	xrpc_hrtimer_setup(&s->timer, xrpc_timer, CLOCK_MONOTONIC,
			   HRTIMER_MODE_ABS_SOFT);
	return s;
}

/**
 * xrpc_session_publish() - put a session where packets find it
 * @s: session
 *
 * Return: 0; -ESHUTDOWN where the endpoint is closed; -ENOMEM and the like.
 */
int xrpc_session_publish(struct xrpc_session *s)
{
	struct xrpc_endpoint *ep = s->ep;
	int err;

	err = rhashtable_lookup_insert_fast(&s->xn->sessions, &s->id_node,
					    id_params);
	if (err)
		return err;
	spin_lock_bh(&ep->lock);
	if (ep->dead) {
		err = -ESHUTDOWN;
	} else {
		xrpc_session_get(s);
		list_add_tail(&s->ep_link, &ep->sessions);
		if (s->server)
			ep->nserver++;
	}
	spin_unlock_bh(&ep->lock);
	if (err)
		rhashtable_remove_fast(&s->xn->sessions, &s->id_node,
				       id_params);
	return err;
}

/**
 * xrpc_session_set_remote() - learn the id that packets to the peer carry
 * @s: session, locked or not yet published
 * @id: the peer's id
 *
 * Return: 0; -EEXIST where the endpoint has a session with that id already.
 */
int xrpc_session_set_remote(struct xrpc_session *s, u64 id)
{
	int err;

	s->remote.ep = s->ep;
	s->remote.id = id;
	err = rhashtable_lookup_insert_fast(&s->xn->remotes, &s->remote_node,
					    remote_params);
	s->in_remotes = !err;
	return err;
}

/**
 * xrpc_session_renew() - make a client's session a new one to the server
 * @s: session, locked
 *
 * New ids and new packet numbers: the server cannot take anything of it for
 * the old one.
 *
 * Return: 0, or a negative errno and the session in no table.
 */
int xrpc_session_renew(struct xrpc_session *s)
{
	xrpc_assert_s(s);
	if (s->in_remotes)
		rhashtable_remove_fast(&s->xn->remotes, &s->remote_node,
				       remote_params);
	s->in_remotes = false;
	rhashtable_remove_fast(&s->xn->sessions, &s->id_node, id_params);
	WRITE_ONCE(s->id, xrpc_endpoint_new_id(s->ep));
	s->remote.id = 0;
	s->first_open = 0;
	s->next_pn = 0;
	s->token_pn = 0;
	s->cong.recovery_pn = 0;
	s->sent_lo = 0;
	s->rtt_pn = U64_MAX;
	s->echo_pn = 0;
	s->echo_time = 0;
	s->rx_pns.n = 0;
	s->rx_unacked = 0;
	s->ack_now = false;
	memset(s->sent, 0, (s->sent_mask + 1) * sizeof(*s->sent));
	bitmap_zero(s->owed, XRPC_CHANS_MAX);
	return rhashtable_lookup_insert_fast(&s->xn->sessions, &s->id_node,
					     id_params);
}

/**
 * xrpc_session_find() - find a session by the id in a packet
 * @xn: namespace
 * @id: connection id
 *
 * Under rcu_read_lock(); the session is good until that ends.
 */
struct xrpc_session *xrpc_session_find(struct xrpc_net *xn, u64 id)
{
	return rhashtable_lookup(&xn->sessions, &id, id_params);
}

/* The same by the other side's id. */
struct xrpc_session *xrpc_session_find_remote(struct xrpc_endpoint *ep, u64 id)
{
	struct xrpc_remote_key k;

	memset(&k, 0, sizeof(k));	/* padding is compared as well */
	k.ep = ep;
	k.id = id;
	return rhashtable_lookup(&ep->xn->remotes, &k, remote_params);
}

static void session_free_rcu(struct rcu_head *rcu)
{
	kmem_cache_free(session_cache,
			container_of(rcu, struct xrpc_session, rcu));
}

/* What a session that is only remembered needs no more. */
static void shrink(struct xrpc_session *s)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(s->chunk); i++) {
		kfree(s->chunk[i]);
		s->chunk[i] = NULL;
	}
	if (s->sent != s->sent0)
		kvfree(s->sent);
	s->sent = s->sent0;
	s->sent_mask = XRPC_SENT_MIN - 1;
}

/**
 * xrpc_session_put() - drop a reference
 * @s: session
 *
 * The last one finds it out of all tables, without calls and with its timer
 * off; readers under RCU may still look at it.
 */
void xrpc_session_put(struct xrpc_session *s)
{
	if (!refcount_dec_and_test(&s->ref))
		return;
	if (s->tokenless)
		atomic_dec(&s->xn->ntokenless);
	shrink(s);
	dst_release(s->path.dst);
	xrpc_endpoint_put(s->ep);
	call_rcu(&s->rcu, session_free_rcu);
}

/* As xrpc_session_chan() with @create, where there is none yet. */
struct xrpc_chan *xrpc_session_new_chan(struct xrpc_session *s, u16 chan)
{
	struct xrpc_chan **chunk = &s->chunk[chan / XRPC_CHUNK];

	xrpc_assert_s(s);
	*chunk = kcalloc(XRPC_CHUNK, sizeof(**chunk), GFP_ATOMIC);
	return *chunk ? &(*chunk)[chan % XRPC_CHUNK] : NULL;
}

/* As xrpc_session_arm(), where the timer would run later or not at all. */
void xrpc_session_move(struct xrpc_session *s, u64 due)
{
	xrpc_assert_s(s);
	if (s->state == XRPC_SESS_DEAD || s->tokenless)
		return;
	if (s->timer_runs) {
		s->timer_next = min(s->timer_next, due);
		return;
	}
	if (!s->timer_armed) {
		s->timer_armed = true;
		xrpc_session_get(s);
	}
	s->timer_due = due;
	hrtimer_start(&s->timer, ns_to_ktime(due), HRTIMER_MODE_ABS_SOFT);
}

/* Take every call off a session that ends.  Returns them on @gone. */
static void detach_calls(struct xrpc_session *s, struct list_head *gone)
{
	struct xrpc_call *c, *tmp;
	unsigned int i, j;

	list_for_each_entry_safe(c, tmp, &s->pending, link)
		list_move_tail(&c->link, gone);
	for (i = 0; i < ARRAY_SIZE(s->chunk); i++) {
		for (j = 0; s->chunk[i] && j < XRPC_CHUNK; j++) {
			struct xrpc_chan *ch = &s->chunk[i][j];

			c = ch->call;
			if (!c)
				continue;
			if (s->server) {
				xrpc_server_drop_call(s, ch);
				continue;
			}
			ch->call = NULL;
			if (!list_empty(&c->tx_link))
				list_del_init(&c->tx_link);
			list_add_tail(&c->link, gone);
		}
	}
	bitmap_zero(s->busy, XRPC_CHANS_MAX);
	bitmap_zero(s->owed, XRPC_CHANS_MAX);
}

/**
 * xrpc_session_close() - end a session's use
 * @s: session, locked
 * @q: receives a last packet, or NULL
 * @error: errno for calls that something was transmitted of
 * @outcome: outcome of those; the others were not executed
 *
 * The other side's id of a session that the other side opened stays known, so
 * that a late duplicate cannot open it again; the timer forgets it when no
 * token can open with it any more.
 */
void xrpc_session_close(struct xrpc_session *s, struct xrpc_txq *q, int error,
			u8 outcome)
{
	struct xrpc_call *c, *tmp;
	LIST_HEAD(gone);

	xrpc_assert_s(s);
	if (s->state >= XRPC_SESS_CLOSED)
		return;
	if (q && s->state == XRPC_SESS_OPEN && (s->proven || !s->server))
		xrpc_send_close(s, q, xrpc_now());
	detach_calls(s, &gone);
	xrpc_session_set(s, XRPC_SESS_CLOSED);
	spin_lock(&s->ep->lock);
	/* under the lock: the list is in this order */
	s->closed = xrpc_now();
	if (!list_empty(&s->ep_link))
		list_move_tail(&s->ep_link, &s->ep->closed);
	spin_unlock(&s->ep->lock);
	s->cong.in_flight = 0;
	XRPC_INC(s->xn, SessionsClosed);
	list_for_each_entry_safe(c, tmp, &gone, link) {
		list_del_init(&c->link);
		if (c->first_sent)
			xrpc_client_end(c, outcome, error);
		else
			xrpc_client_end(c, XRPC_NOT_EXECUTED,
					outcome == XRPC_NOT_EXECUTED ? error :
					EHOSTUNREACH);
	}
	if (s->server)
		shrink(s);
	/* the timer takes it out of the tables */
	xrpc_session_arm(s, s->closed +
			    (s->server ? XRPC_ID_MEMORY : 0));
}

/**
 * xrpc_session_destroy() - take a closed session out of all tables
 * @s: session, not locked; the caller holds a reference or is under RCU
 *
 * The tables' reference is dropped; once only, whoever comes first.
 */
void xrpc_session_destroy(struct xrpc_session *s)
{
	struct xrpc_endpoint *ep = s->ep;
	bool mine, stopped;

	spin_lock_bh(&ep->lock);
	mine = !list_empty(&s->ep_link);
	if (mine) {
		list_del_init(&s->ep_link);
		if (s->server)
			ep->nserver--;
	}
	spin_unlock_bh(&ep->lock);
	if (!mine)
		return;
	if (s->server)
		xrpc_limit_give(s);
	rhashtable_remove_fast(&s->xn->sessions, &s->id_node, id_params);
	if (s->in_remotes)
		rhashtable_remove_fast(&s->xn->remotes, &s->remote_node,
				       remote_params);
	spin_lock_bh(&s->lock);
	xrpc_session_set(s, XRPC_SESS_DEAD);
	/* one that runs right now sees the state and drops its own reference */
	stopped = s->timer_armed && hrtimer_try_to_cancel(&s->timer) == 1;
	if (stopped)
		s->timer_armed = false;
	spin_unlock_bh(&s->lock);
	if (stopped)
		xrpc_session_put(s);
	xrpc_session_put(s);
}

/**
 * xrpc_session_retire() - take a closed session out of use for good
 * @s: session, not locked; the caller holds a reference
 *
 * No timer of it runs any more on return.  Process context.
 */
void xrpc_session_retire(struct xrpc_session *s)
{
	xrpc_session_destroy(s);
	/* it may have been armed anew while it ran */
	if (hrtimer_cancel(&s->timer))
		xrpc_session_put(s);
}

static bool session_matches(const struct xrpc_session *s,
			    const struct sockaddr_xrpc *a)
{
	return s->path.rport == a->sxr_port && s->service == a->sxr_service &&
	       ipv6_addr_equal(&s->path.raddr, &a->sxr_addr) &&
	       (!a->sxr_scope_id || s->path.oif == a->sxr_scope_id);
}

static u32 dest_bucket(const struct sockaddr_xrpc *a)
{
	return jhash_3words(ipv6_addr_hash(&a->sxr_addr),
			    (__force u16)a->sxr_port, a->sxr_service, 0) %
	       XRPC_SESS_BUCKETS;
}

/* Lets go of closed sessions on the way, or a long life would gather them. */
static struct xrpc_session *client_find(struct xrpc_sock *xs,
					const struct sockaddr_xrpc *dest)
{
	struct xrpc_session *s;
	struct hlist_node *tmp;

	lockdep_assert_held(&xs->sess_lock);
	hlist_for_each_entry_safe(s, tmp, &xs->sessions[dest_bucket(dest)],
				  sk_link_node) {
		if (READ_ONCE(s->state) >= XRPC_SESS_CLOSED) {
			hlist_del_init(&s->sk_link_node);
			xrpc_session_put(s);
		} else if (session_matches(s, dest)) {
			xrpc_session_get(s);
			return s;
		}
	}
	return NULL;
}

static struct xrpc_session *client_new(struct sock *sk,
				       const struct sockaddr_xrpc *dest)
{
	struct xrpc_sock *xs = xrpc_sk(sk);
	struct xrpc_peer_info info;
	struct xrpc_session *s;
	int err;

	if (dest->sxr_scope_id && !sk_dev_equal_l3scope(sk, dest->sxr_scope_id))
		return ERR_PTR(-EINVAL);
	s = xrpc_session_alloc(xs->ep, false, XRPC_GFP_SEND);
	if (!s)
		return ERR_PTR(-ENOBUFS);
	s->sk = sk;
	s->service = dest->sxr_service;
	s->path.raddr = dest->sxr_addr;
	s->path.rport = dest->sxr_port;
	s->path.v4 = ipv6_addr_v4mapped(&dest->sxr_addr);
	s->path.oif = dest->sxr_scope_id ? : READ_ONCE(sk->sk_bound_dev_if);
	s->path.mark = READ_ONCE(sk->sk_mark);
	s->path.priority = READ_ONCE(sk->sk_priority);
	s->path.uid = sk->sk_uid;
	s->path.tos = READ_ONCE(*(s->path.v4 ? &xs->tos : &xs->tclass));
	if (!ipv6_addr_any(&xs->ep->addr) &&
	    !(s->path.v4 && !xs->ep->addr.s6_addr32[3]))
		s->path.laddr = xs->ep->addr;

	spin_lock_bh(&s->lock);
	err = xrpc_path_route(s->ep, &s->path);
	spin_unlock_bh(&s->lock);
	if (err == -ENETUNREACH)
		err = -EHOSTUNREACH;	/* of the set that says not executed */
	if (err)
		goto fail;
	xrpc_udp_unpin(xs->ep, dest, &s->path.laddr);
	xrpc_cong_init(&s->cong, s->path.mss);
	if (xrpc_peer_get(s->xn, &s->path, &info)) {
		s->rtt = info.rtt;
		if (info.expires > xrpc_now() && info.lport == s->ep->port &&
		    ipv6_addr_equal(&info.laddr, &s->path.laddr)) {
			s->token = info.token;
			s->epoch = info.epoch;
			s->state = XRPC_SESS_OPENING;
		}
	}
	err = xrpc_session_publish(s);
	if (err)
		goto fail;
	/* its first call may never come to it */
	spin_lock_bh(&s->lock);
	xrpc_session_arm(s, s->used + XRPC_IDLE_CLIENT);
	spin_unlock_bh(&s->lock);
	return s;
fail:
	xrpc_session_put(s);
	return ERR_PTR(err);
}

/**
 * xrpc_session_conn() - set a socket's session with its connected peer
 * @xs: socket
 * @s: session, its reference is taken over; NULL for none
 * @peer: whom it is with; where the socket was connected elsewhere meanwhile it
 *	  is not set
 */
void xrpc_session_conn(struct xrpc_sock *xs, struct xrpc_session *s,
		       const struct sockaddr_xrpc *peer)
{
	struct xrpc_session *old = s;

	spin_lock_bh(&xs->sess_lock);
	if (!s || (xs->connected && !memcmp(peer, &xs->peer, sizeof(*peer))))
		old = rcu_replace_pointer(xs->conn, s,
					  lockdep_is_held(&xs->sess_lock));
	spin_unlock_bh(&xs->sess_lock);
	if (old)
		xrpc_session_put(old);
}

/**
 * xrpc_session_client() - a client socket's session with a destination
 * @sk: socket, bound
 * @dest: destination
 *
 * May sleep.
 *
 * Return: a session, referenced for the caller, or an error pointer.
 */
struct xrpc_session *xrpc_session_client(struct sock *sk,
					 const struct sockaddr_xrpc *dest)
{
	struct xrpc_sock *xs = xrpc_sk(sk);
	struct xrpc_session *s, *made;

	spin_lock_bh(&xs->sess_lock);
	s = client_find(xs, dest);
	spin_unlock_bh(&xs->sess_lock);
	if (s)
		return s;
	made = client_new(sk, dest);
	if (IS_ERR(made))
		return made;

	spin_lock_bh(&xs->sess_lock);
	s = client_find(xs, dest);
	if (!s) {
		xrpc_session_get(made);
		hlist_add_head(&made->sk_link_node, &xs->sessions[dest_bucket(dest)]);
	}
	spin_unlock_bh(&xs->sess_lock);
	if (!s)
		return made;

	/* another thread was first */
	spin_lock_bh(&made->lock);
	xrpc_session_close(made, NULL, ECONNRESET, XRPC_UNKNOWN);
	spin_unlock_bh(&made->lock);
	xrpc_session_retire(made);
	xrpc_session_put(made);
	return s;
}
