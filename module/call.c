// SPDX-License-Identifier: GPL-2.0-only
/* Call objects, and what client and server do alike with them. */
#include "internal.h"
#include "trace.h"

static struct kmem_cache *call_cache;

int __init xrpc_call_init(void)
{
	call_cache = KMEM_CACHE(xrpc_call, SLAB_HWCACHE_ALIGN | SLAB_ACCOUNT);
	return call_cache ? 0 : -ENOMEM;
}

void xrpc_call_exit(void)
{
	kmem_cache_destroy(call_cache);
}

/**
 * xrpc_call_alloc() - make a call object
 * @gfp: how
 *
 * Return: a call with one reference and no session, or NULL.
 */
struct xrpc_call *xrpc_call_alloc(gfp_t gfp)
{
	struct xrpc_call *c = kmem_cache_zalloc(call_cache, gfp);

	if (!c)
		return NULL;
	refcount_set(&c->ref, 1);
	INIT_LIST_HEAD(&c->link);
	INIT_LIST_HEAD(&c->tx_link);
	c->deadline = U64_MAX;
	return c;
}

/**
 * xrpc_rx_free() - drop a received half
 * @rx: half; its charge must have been given back
 */
void xrpc_rx_free(struct xrpc_rx *rx)
{
	if (rx->skb) {
		consume_skb(rx->skb);
		rx->skb = NULL;
	}
	if (rx->buf) {
		xrpc_buf_free(rx->buf);
		rx->buf = NULL;
	}
}

/**
 * xrpc_call_put() - drop a reference
 * @c: call
 *
 * The last one finds it on no list.  May be under a session's lock: the buffers
 * freed here belong to no socket, and a session whose lock is held is not freed
 * by it.
 */
void xrpc_call_put(struct xrpc_call *c)
{
	if (!refcount_dec_and_test(&c->ref))
		return;
	DEBUG_NET_WARN_ON_ONCE(!list_empty(&c->link));
	DEBUG_NET_WARN_ON_ONCE(!list_empty(&c->tx_link));
	DEBUG_NET_WARN_ON_ONCE(c->rx.charge || c->charged || c->kept);
	xrpc_rx_free(&c->rx);
	kfree_skb(c->tx.skb);
	if (c->tx.buf)
		xrpc_buf_free(c->tx.buf);
	if (c->s)
		xrpc_session_put(c->s);
	kmem_cache_free(call_cache, c);
}

/**
 * xrpc_rx_segment() - put a segment of a longer message where it belongs
 * @s: session, locked
 * @c: call, with its receive buffer
 * @seg: segment
 * @skb: packet it stands in
 * @now: ns
 *
 * Return: 1 message complete, 0 not yet, -EEXIST nothing new in it, another
 * negative errno where it was not taken.
 */
int xrpc_rx_segment(struct xrpc_session *s, struct xrpc_call *c,
		    const struct xrpc_seg *seg, struct sk_buff *skb, u64 now)
{
	struct xrpc_buf *b = c->rx.buf;
	u64 lo = seg->off, hi;

	xrpc_assert_s(s);
	if (seg->total != b->len)
		return -EINVAL;
	hi = xrpc_ranges_clip(&b->have, &lo, seg->off + seg->len);
	if (lo >= hi)
		return -EEXIST;
	/* first the bytes: a mark that cannot be kept is not missed, but one of
	 * bytes for which there was no page would count
	 */
	if (xrpc_buf_write(b, seg->off, skb, seg->data - skb->data, seg->len)) {
		XRPC_DROP(s->xn, skb, DropNoMem);
		return -ENOMEM;
	}
	if (!xrpc_ranges_add(&b->have, seg->off, seg->off + seg->len))
		return -ENOBUFS;
	c->heard = now;
	if (xrpc_ranges_full(&b->have, b->len))
		return 1;
	if (!s->rx_unacked++) {
		s->ack_due = now + (s->server ? XRPC_ACK_DELAY_SERVER :
						XRPC_ACK_DELAY_CLIENT);
		xrpc_session_arm(s, s->ack_due);
	}
	if (s->rx_unacked >= XRPC_ACK_EVERY)
		s->ack_now = true;
	return 0;
}
