// SPDX-License-Identifier: GPL-2.0-only
/*
 * Peers: what a client remembers of a remote address and port, so that the
 * next session with it needs no round trip of its own.
 */
#include "internal.h"

#define PEERS_MAX	4096

struct peer_key {
	struct in6_addr	addr;
	u32		port;
};

struct peer {
	struct rhash_head	node;
	struct peer_key		key;
	struct list_head	lru;
	struct xrpc_peer_info	info;
};

/* All under peer_lock: the table needs no RCU. */
static const struct rhashtable_params peer_params = {
	.head_offset = offsetof(struct peer, node),
	.key_offset = offsetof(struct peer, key),
	.key_len = sizeof(struct peer_key),
	.automatic_shrinking = true,
};

static struct peer *find(struct xrpc_net *xn, const struct xrpc_path *path,
			 struct peer_key *key)
{
	key->addr = path->raddr;
	key->port = be16_to_cpu(path->rport);
	return rhashtable_lookup_fast(&xn->peers, key, peer_params);
}

static void forget(struct xrpc_net *xn, struct peer *p)
{
	lockdep_assert_held(&xn->peer_lock);
	rhashtable_remove_fast(&xn->peers, &p->node, peer_params);
	list_del(&p->lru);
	WRITE_ONCE(xn->npeers, xn->npeers - 1);
	kfree(p);
}

/**
 * xrpc_peer_get() - what is known of a peer
 * @xn: namespace
 * @path: path to it
 * @info: receives it
 *
 * Return: whether anything is.
 */
bool xrpc_peer_get(struct xrpc_net *xn, const struct xrpc_path *path,
		   struct xrpc_peer_info *info)
{
	struct peer_key key;
	struct peer *p;

	spin_lock_bh(&xn->peer_lock);
	p = find(xn, path, &key);
	if (p) {
		*info = p->info;
		list_move_tail(&p->lru, &xn->peer_lru);
	}
	spin_unlock_bh(&xn->peer_lock);
	return p;
}

/**
 * xrpc_peer_put() - remember what is known of a peer
 * @xn: namespace
 * @path: path to it
 * @info: what is known
 *
 * The peer used least recently makes room.
 */
void xrpc_peer_put(struct xrpc_net *xn, const struct xrpc_path *path,
		   const struct xrpc_peer_info *info)
{
	struct peer_key key;
	struct peer *p;

	spin_lock_bh(&xn->peer_lock);
	p = find(xn, path, &key);
	if (p) {
		list_move_tail(&p->lru, &xn->peer_lru);
		p->info = *info;
		goto out;
	}
	if (xn->npeers >= PEERS_MAX)
		forget(xn, list_first_entry(&xn->peer_lru, struct peer, lru));
	p = kzalloc(sizeof(*p), GFP_ATOMIC | __GFP_NOWARN);
	if (!p)
		goto out;
	p->key = key;
	p->info = *info;
	if (rhashtable_insert_fast(&xn->peers, &p->node, peer_params)) {
		kfree(p);
		goto out;
	}
	list_add_tail(&p->lru, &xn->peer_lru);
	WRITE_ONCE(xn->npeers, xn->npeers + 1);
out:
	spin_unlock_bh(&xn->peer_lock);
}

/**
 * xrpc_peer_flush() - forget all peers
 * @xn: namespace
 */
void xrpc_peer_flush(struct xrpc_net *xn)
{
	struct peer *p, *tmp;

	spin_lock_bh(&xn->peer_lock);
	list_for_each_entry_safe(p, tmp, &xn->peer_lru, lru)
		forget(xn, p);
	spin_unlock_bh(&xn->peer_lock);
}

int xrpc_peer_init_net(struct xrpc_net *xn)
{
	spin_lock_init(&xn->peer_lock);
	INIT_LIST_HEAD(&xn->peer_lru);
	return rhashtable_init(&xn->peers, &peer_params);
}

void xrpc_peer_exit_net(struct xrpc_net *xn)
{
	xrpc_peer_flush(xn);
	rhashtable_destroy(&xn->peers);
}
