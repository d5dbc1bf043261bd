// SPDX-License-Identifier: GPL-2.0-only
/*
 * The bytes of messages: in one socket buffer where they fit into a packet, in
 * pages where they do not.
 */
#include <linux/uaccess.h>
#include <linux/uio.h>

#include "internal.h"

/*
 * Room for data in a fresh buffer, so that the next message may fit too: as
 * much as there is in the smallest slab object that has our headroom.
 */
#define SKB_ROOM	(SKB_WITH_OVERHEAD(1024) - XRPC_HEADROOM)

/**
 * xrpc_buf_alloc() - make a buffer for a longer message
 * @len: its bytes
 * @pages: have all pages now (to send); else they come as they are written
 * @gfp: how
 *
 * Return: the buffer or NULL.
 */
struct xrpc_buf *xrpc_buf_alloc(u32 len, bool pages, gfp_t gfp)
{
	u32 n = DIV_ROUND_UP(len, PAGE_SIZE), i;
	struct xrpc_buf *b;

	b = kzalloc(struct_size(b, pages, n), gfp | __GFP_NOWARN);
	if (!b)
		return NULL;
	b->len = len;
	b->npages = n;
	b->charge = struct_size(b, pages, n) + n * PAGE_SIZE;
	for (i = 0; pages && i < n; i++) {
		b->pages[i] = alloc_page(gfp | __GFP_NOWARN);
		if (!b->pages[i]) {
			xrpc_buf_free(b);
			return NULL;
		}
	}
	return b;
}

/**
 * xrpc_buf_free() - free a buffer
 * @b: buffer; packets under way keep their pages
 */
void xrpc_buf_free(struct xrpc_buf *b)
{
	u32 i;

	for (i = 0; i < b->npages; i++) {
		if (b->pages[i])
			put_page(b->pages[i]);
	}
	kfree(b);
}

/*
 * Short messages between a buffer of ours and one stretch of user memory, four
 * words at a time: the general way costs several times the copying.
 */
#define COPY_SHORT	256

static __always_inline void __user *short_copy(const struct iov_iter *it,
					       size_t len)
{
	if (!len || len > COPY_SHORT || len > it->count)
		return NULL;
	if (iter_is_ubuf(it))
		return it->ubuf + it->iov_offset;
	/* before 6.4 sendto() and recvfrom() come with one of these */
	if (iter_is_iovec(it) && len <= iter_iov_len(it))
		return iter_iov_addr(it);
	return NULL;
}

/* sendmmsg() looks whether all of a message was taken. */
static void advance(struct iov_iter *it, size_t len)
{
	it->iov_offset += len;
	it->count -= len;
}

#define get_word(to, p, fault)						\
	unsafe_get_user(*(u64 *)(to), (u64 __user *)(p), fault)
#define put_word(from, p, fault)					\
	unsafe_put_user(get_unaligned((const u64 *)(from)),		\
			(u64 __user *)(p), fault)

static int copy_in(void *to, const char __user *p, size_t len)
{
	if (!user_read_access_begin(p, len))
		return -EFAULT;
	for (; len >= 32; len -= 32, to += 32, p += 32) {
		get_word(to, p, fault);
		get_word(to + 8, p + 8, fault);
		get_word(to + 16, p + 16, fault);
		get_word(to + 24, p + 24, fault);
	}
	for (; len >= 8; len -= 8, to += 8, p += 8)
		get_word(to, p, fault);
	if (len >= 4) {
		unsafe_get_user(*(u32 *)to, (u32 __user *)p, fault);
		len -= 4, to += 4, p += 4;
	}
	for (; len; len--, to++, p++)
		unsafe_get_user(*(u8 *)to, (u8 __user *)p, fault);
	user_read_access_end();
	return 0;
fault:
	user_read_access_end();
	return -EFAULT;
}

static int copy_out(char __user *p, const void *from, size_t len)
{
	if (!user_write_access_begin(p, len))
		return -EFAULT;
	for (; len >= 32; len -= 32, from += 32, p += 32) {
		put_word(from, p, fault);
		put_word(from + 8, p + 8, fault);
		put_word(from + 16, p + 16, fault);
		put_word(from + 24, p + 24, fault);
	}
	for (; len >= 8; len -= 8, from += 8, p += 8)
		put_word(from, p, fault);
	if (len >= 4) {
		unsafe_put_user(get_unaligned((u32 *)from), (u32 __user *)p,
				fault);
		len -= 4, from += 4, p += 4;
	}
	for (; len; len--, from++, p++)
		unsafe_put_user(*(u8 *)from, (u8 __user *)p, fault);
	user_write_access_end();
	return 0;
fault:
	user_write_access_end();
	return -EFAULT;
}

static int buf_from_iter(struct xrpc_buf *b, struct iov_iter *from)
{
	u32 left = b->len, i;

	for (i = 0; i < b->npages; i++) {
		u32 n = min_t(u32, left, PAGE_SIZE);

		if (copy_page_from_iter(b->pages[i], 0, n, from) != n)
			return -EFAULT;
		left -= n;
	}
	return 0;
}

static size_t buf_to_iter(const struct xrpc_buf *b, size_t len,
			  struct iov_iter *to)
{
	size_t done = 0;
	u32 i;

	for (i = 0; done < len; i++) {
		size_t n = min_t(size_t, len - done, PAGE_SIZE), got;

		got = copy_page_to_iter(b->pages[i], 0, n, to);
		done += got;
		if (got != n)
			break;
	}
	return done;
}

/**
 * xrpc_buf_write() - write received bytes to their place
 * @b: buffer
 * @off: offset in the message
 * @skb: packet they stand in
 * @skb_off: where
 * @len: how many
 *
 * Return: 0 or -ENOMEM.
 */
int xrpc_buf_write(struct xrpc_buf *b, u32 off, struct sk_buff *skb,
		   int skb_off, u32 len)
{
	while (len) {
		u32 i = off / PAGE_SIZE, at = off % PAGE_SIZE;
		u32 n = min_t(u32, len, PAGE_SIZE - at);

		if (!b->pages[i]) {
			b->pages[i] = alloc_page(GFP_ATOMIC | __GFP_NOWARN);
			if (!b->pages[i])
				return -ENOMEM;
		}
		if (skb_copy_bits(skb, skb_off,
				  page_address(b->pages[i]) + at, n))
			return -ENOMEM;
		off += n;
		skb_off += n;
		len -= n;
	}
	return 0;
}

/**
 * xrpc_buf_frags() - let a packet refer to a piece of a buffer
 * @b: buffer with all of its pages
 * @skb: packet without data
 * @off: first byte
 * @len: bytes, of no more pages than a packet may have
 */
void xrpc_buf_frags(const struct xrpc_buf *b, struct sk_buff *skb, u32 off,
		    u32 len)
{
	while (len) {
		u32 i = off / PAGE_SIZE, at = off % PAGE_SIZE;
		u32 n = min_t(u32, len, PAGE_SIZE - at);

		get_page(b->pages[i]);
		skb_add_rx_frag(skb, skb_shinfo(skb)->nr_frags, b->pages[i],
				at, n, n);
		off += n;
		len -= n;
	}
}

static int tx_skb(struct xrpc_tx *tx, u32 len, gfp_t gfp)
{
	struct sk_buff *skb = tx->skb;

	if (likely(skb && !skb_cloned(skb) &&
		   skb_end_pointer(skb) - skb->head >= XRPC_HEADROOM + len)) {
		skb->data = skb->head + XRPC_HEADROOM;
		skb_reset_tail_pointer(skb);
		skb->len = 0;
		return 0;
	}
	skb = alloc_skb_fclone(XRPC_HEADROOM + max_t(u32, len, SKB_ROOM), gfp);
	if (!skb)
		return -ENOBUFS;
	skb_reserve(skb, XRPC_HEADROOM);
	/* clones own the headroom: each is sent before the next is made */
	__skb_header_release(skb);
	kfree_skb(tx->skb);
	tx->skb = skb;
	return 0;
}

static void drop_buf(struct xrpc_tx *tx)
{
	if (unlikely(tx->buf)) {
		xrpc_buf_free(tx->buf);
		tx->buf = NULL;
	}
}

static void tx_begin(struct xrpc_tx *tx, u32 len)
{
	tx->len = len;
	tx->next = 0;
	tx->in_flight = 0;
	tx->last_pn = U64_MAX;
	tx->last_sent = 0;
	tx->backoff = 0;
	tx->acked = false;
}

/**
 * xrpc_tx_from_iter() - read a message to be sent
 * @tx: half to read it into; what is left of the last message is reused
 * @mss: bytes that fit into a packet
 * @from: where it is
 * @len: its bytes
 *
 * May sleep.  Only its owner has the half.
 *
 * Return: 0, -EFAULT or -ENOBUFS.
 */
int xrpc_tx_from_iter(struct xrpc_tx *tx, u32 mss, struct iov_iter *from,
		      size_t len)
{
	const void __user *p;
	int err;

	drop_buf(tx);
	if (likely(len <= mss)) {
		err = tx_skb(tx, len, XRPC_GFP_SEND);
		if (unlikely(err))
			return err;
		p = short_copy(from, len);
		if (likely(p))
			err = copy_in(__skb_put(tx->skb, len), p, len);
		else if (!copy_from_iter_full(__skb_put(tx->skb, len), len,
					      from))
			err = -EFAULT;
		if (likely(p && !err))
			advance(from, len);
		if (unlikely(err))
			return err;
	} else {
		tx->buf = xrpc_buf_alloc(len, true,
					 XRPC_GFP_SEND | __GFP_ACCOUNT);
		if (!tx->buf)
			return -ENOBUFS;
		err = buf_from_iter(tx->buf, from);
		if (err) {
			drop_buf(tx);
			return err;
		}
	}
	tx_begin(tx, len);
	return 0;
}

/**
 * xrpc_tx_empty() - make a half that sends an empty message
 * @tx: half, as for xrpc_tx_from_iter()
 *
 * Does not sleep.
 *
 * Return: 0 or -ENOBUFS.
 */
int xrpc_tx_empty(struct xrpc_tx *tx)
{
	int err;

	drop_buf(tx);
	err = tx_skb(tx, 0, GFP_ATOMIC);
	if (err)
		return err;
	tx->word = 0;
	tx->flags = 0;
	tx_begin(tx, 0);
	return 0;
}

/**
 * xrpc_rx_to_iter() - hand a received message to user space
 * @rx: half, complete
 * @len: bytes wanted, at most those it has
 * @to: where to
 *
 * Return: bytes copied; fewer after a fault.
 */
size_t xrpc_rx_to_iter(const struct xrpc_rx *rx, size_t len,
		       struct iov_iter *to)
{
	void __user *p;

	if (unlikely(rx->buf))
		return buf_to_iter(rx->buf, len, to);
	p = short_copy(to, len);
	if (unlikely(!p))
		return copy_to_iter(rx->skb->data + rx->off, len, to);
	if (unlikely(copy_out(p, rx->skb->data + rx->off, len)))
		return 0;
	advance(to, len);
	return len;
}
